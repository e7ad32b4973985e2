//! What the cells of a column have in common.

use super::cell::{Decimal, Shape};
use super::place::{Place, TableError};

/// A column of values, and what its cells were found to be.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name in the header; of a long table, the tag.
    pub name: String,
    counts: [u64; Shape::ALL.len()],
    first: [u64; Shape::ALL.len()],
}

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All are empty.
    Empty,
    /// Numbers, some with a fraction.
    Float,
    /// Whole numbers.
    Integer,
    /// `true` and `false`.
    Boolean,
    /// Texts; numbers among them are texts as well.
    Text,
}

impl Column {
    pub(super) fn new(name: String) -> Self {
        Self { name, counts: [0; Shape::ALL.len()], first: [0; Shape::ALL.len()] }
    }

    /// Takes in a cell that is not empty, of the row at that byte.
    pub(super) fn count(&mut self, cell: &str, byte: u64, given: Option<Decimal>) {
        let shape = Shape::of(cell, given) as usize;
        if self.counts[shape] == 0 {
            self.first[shape] = byte;
        }
        self.counts[shape] += 1;
    }

    /// What most of its cells are. Where there are as many of two kinds, it is not the text, so that a few words of a
    /// historian in place of a number do not make a measurement a text.
    pub fn kind(&self) -> Kind {
        let (texts, conditions) = (self.of(Shape::Text), self.of(Shape::Condition));
        let numbers = self.cells() - texts - conditions;
        match () {
            () if self.cells() == 0 => Kind::Empty,
            () if texts > numbers + conditions => Kind::Text,
            () if conditions > numbers => Kind::Boolean,
            () if numbers == self.of(Shape::Integer) => Kind::Integer,
            () => Kind::Float,
        }
    }

    /// Cells that are not empty.
    pub fn cells(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn of(&self, shape: Shape) -> u64 {
        self.counts[shape as usize]
    }
}

/// The decimal mark of all columns of numbers together.
///
/// # Errors
/// If both marks are used, or if a comma may as well separate thousands.
pub(super) fn decimal_mark(columns: &[Column], place: &Place) -> Result<Decimal, TableError> {
    let first = |shape: Shape| {
        let numeric = columns.iter().filter(|column| matches!(column.kind(), Kind::Float | Kind::Integer));
        let found = numeric.filter(|column| column.of(shape) > 0);
        found.min_by_key(|column| column.first[shape as usize]).map(|column| (column, column.first[shape as usize]))
    };
    let (point, comma, doubt) = (first(Shape::Point), first(Shape::Comma), first(Shape::CommaOrThousands));
    match (point, comma.or(doubt)) {
        (_, None) => Ok(Decimal::Point),
        (None, Some(_)) if comma.is_some() => Ok(Decimal::Comma),
        (None, Some((column, byte))) => Err(place.error(
            byte,
            &column.name,
            "a number with a comma may be decimal, 1,234 for 1.234, or have thousands, 1,234 for 1234",
            "--decimal comma if it is decimal; else an export without marks for thousands",
        )),
        (Some((other, point_byte)), Some((column, byte))) => Err(place.error(
            byte,
            &column.name,
            format!(
                "a number with a comma, while {:?} has one with a point in line {}",
                other.name,
                place.line(point_byte)
            ),
            "one decimal mark in the file; if commas mark thousands, an export without them, or --decimal to say which \
             one counts",
        )),
    }
}
