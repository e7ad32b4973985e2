use telemetry::Symbol;

use crate::board::symbol;

/// Material that comes in lots: boxes, drums, coils, each for a number of parts. Good lots are numbered as they come; one
/// that is bad has a number of its own.
pub(crate) struct Lots {
    prefix: &'static str,
    number: u32,
    parts: u32,
    parts_per_lot: u32,
}

impl Lots {
    /// The number of every bad lot, so that it is the same wherever it is used.
    const BAD: u32 = 9001;
    /// Parts that are taken from one bin before the other, where a feeder has two.
    const PARTS_PER_BIN: u64 = 4;

    pub(crate) fn new(prefix: &'static str, first: u32, parts_per_lot: u32) -> Self {
        Self { prefix, number: first, parts: 0, parts_per_lot }
    }

    /// The lot of another part, the next one if this is used up; what is bad is not taken from it.
    pub(crate) fn take(&mut self, is_bad: bool) -> Symbol {
        if is_bad {
            return self.name(Self::BAD);
        }
        self.parts += 1;
        if self.parts > self.parts_per_lot {
            (self.number, self.parts) = (self.number + 1, 1);
        }
        self.name(self.number)
    }

    /// Whether a part is served from the second of two bins.
    pub(crate) fn is_second_bin(part_number: u64) -> bool {
        part_number / Self::PARTS_PER_BIN % 2 == 1
    }

    fn name(&self, number: u32) -> Symbol {
        symbol(&format!("{}-{number:04}", self.prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_lot_leaves_the_good_one_as_it_is() {
        let mut lots = Lots::new("B", 2201, 3);
        let names: Vec<String> =
            [false, false, true, true, false, false].into_iter().map(|is_bad| lots.take(is_bad).to_string()).collect();
        assert_eq!(names, ["B-2201", "B-2201", "B-9001", "B-9001", "B-2201", "B-2202"]);
    }
}
