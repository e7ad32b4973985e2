//! Integral equations of the second kind, `L(u) = g(u) + integral of K(u, x) L(x) dx`, solved by Nystrom's method: the
//! integral becomes a weighted sum over the nodes of a Gauss-Legendre rule, and the equation a linear system.

/// Nodes and weights of the Gauss-Legendre rule with that many nodes on `from ..= to`.
pub(crate) fn gauss_legendre(nodes: usize, from: f64, to: f64) -> Vec<(f64, f64)> {
    let half = 0.5 * (to - from);
    let node = |i: usize| {
        let mut x = libm::cos(core::f64::consts::PI * (i as f64 + 0.75) / (nodes as f64 + 0.5));
        let mut slope = 1.0;
        for _ in 0..20 {
            let (value, derivative) = legendre(nodes, x);
            slope = derivative;
            x -= value / derivative;
        }
        (from + half * (1.0 - x), 2.0 * half / ((1.0 - x * x) * slope * slope))
    };
    (0..nodes).map(node).collect()
}

/// Legendre's polynomial of that degree and its derivative.
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut previous, mut current) = (1.0, x);
    for degree in 2..=degree {
        let degree = degree as f64;
        (previous, current) = (current, ((2.0 * degree - 1.0) * x * current - (degree - 1.0) * previous) / degree);
    }
    (current, degree as f64 * (x * current - previous) / (x * x - 1.0))
}

/// The solution of a linear system given by its rows, each with its right side as last entry; Gaussian elimination with
/// partial pivoting. Our own, because a library's would use the fused operations of the machine it runs on, and the same
/// threshold must come out everywhere.
pub(crate) fn solve(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let size = rows.len();
    for column in 0..size {
        let pivot = (column..size).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()));
        rows.swap(column, pivot.unwrap_or(column));
        let (above, below) = rows.split_at_mut(column + 1);
        let pivot_row = &above[column];
        for row in below {
            let factor = row[column] / pivot_row[column];
            if factor != 0.0 {
                for (value, pivot_value) in row[column..].iter_mut().zip(&pivot_row[column..]) {
                    *value -= factor * pivot_value;
                }
            }
        }
    }
    let mut solution = vec![0.0; size];
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|column| rows[row][column] * solution[column]).sum();
        solution[row] = (rows[row][size] - known) / rows[row][row];
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_integrates_polynomials_exactly() {
        let integral: f64 = gauss_legendre(6, 1.0, 3.0).iter().map(|&(x, weight)| weight * x.powi(11)).sum();
        let exact = (3f64.powi(12) - 1.0) / 12.0;
        assert!((integral / exact - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_system_that_needs_its_pivots_is_solved() {
        let solution = solve(vec![vec![0.0, 2.0, 4.0], vec![3.0, 1.0, 5.0]]);
        assert_eq!(solution, [1.0, 2.0]);
    }
}
