use nalgebra::{DMatrix, SymmetricEigen};
use serde::{Deserialize, Serialize};

use super::column::ColumnFit;
use super::error::FitError;
use crate::is_measurement;

/// Mean and spread of the columns that vary, to standardise rows by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Standard {
    width: usize,
    columns: Vec<StandardColumn>,
    /// Training rows without a gap.
    pub(super) rows: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct StandardColumn {
    index: usize,
    mean: f64,
    spread: f64,
}

impl Standard {
    /// Learns from the training rows that have a number in every column.
    pub(super) fn fit<R: AsRef<[f64]>>(training: &[R]) -> Result<(Self, DMatrix<f64>), FitError> {
        let width = training.first().map_or(0, |row| row.as_ref().len());
        if let Some(row) = training.iter().position(|row| row.as_ref().len() != width) {
            return Err(FitError::UnequalRow(row));
        }
        let complete: Vec<&[f64]> =
            training.iter().map(AsRef::as_ref).filter(|row| row.iter().copied().all(is_measurement)).collect();
        let column = |index: usize| {
            let values: Vec<f64> = complete.iter().map(|row| row[index]).collect();
            ColumnFit::new(&values).map(|fit| StandardColumn { index, mean: fit.mean, spread: fit.spread })
        };
        let needed = ColumnFit::COUNT_MIN.max(width + 2);
        if complete.len() < needed {
            return Err(FitError::TooFewRows { rows: complete.len(), needed });
        }
        let columns: Vec<StandardColumn> = (0..width).filter_map(column).collect();
        if columns.is_empty() {
            return Err(FitError::NothingVaries);
        }
        let standard = Self { width, columns, rows: complete.len() };
        let standardised =
            DMatrix::from_fn(complete.len(), standard.len(), |row, column| standard.columns[column].of(complete[row]));
        let correlation = standardised.transpose() * &standardised / complete.len() as f64;
        Ok((standard, correlation))
    }

    /// Columns that vary.
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// Columns of a row.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Writes the standardised row into `to`; false if a column that varies has no number in it.
    pub(super) fn apply(&self, row: &[f64], to: &mut [f64]) -> bool {
        let is_number = |column: &StandardColumn| row.get(column.index).is_some_and(|&value| is_measurement(value));
        if !self.columns.iter().all(is_number) {
            return false;
        }
        for (to, column) in to.iter_mut().zip(&self.columns) {
            *to = column.of(row);
        }
        true
    }

    /// Spreads one value for each column that varies over all columns of a row; the others get 0.
    pub(super) fn scatter(&self, values: &[f64], to: &mut [f64]) {
        for (column, &value) in self.columns.iter().zip(values) {
            to[column.index] = value;
        }
    }
}

impl StandardColumn {
    fn of(&self, row: &[f64]) -> f64 {
        (row[self.index] - self.mean) / self.spread
    }
}

/// A principal axis with less than this share of the variance of a column is one of rounding.
pub(super) const VARIANCE_MIN: f64 = 1e-10;

/// Principal axes of a correlation matrix, those of largest variance first.
pub(super) fn principal_axes(correlation: DMatrix<f64>) -> Vec<(f64, Vec<f64>)> {
    let eigen = SymmetricEigen::new(correlation);
    let variances = eigen.eigenvalues.iter().map(|&variance| variance.max(0.0));
    let mut axes: Vec<(f64, Vec<f64>)> =
        variances.zip(eigen.eigenvectors.column_iter().map(|axis| axis.iter().copied().collect())).collect();
    axes.sort_by(|a, b| b.0.total_cmp(&a.0));
    axes
}
