//! Integral equations of the second kind, `L(u) = 1 + integral of K(u, x) L(x) dx`, by Nystrom's method: the integral
//! becomes a weighted sum over the nodes of a Gauss-Legendre rule, and the chart a [`Chain`](super::chain::Chain) on the
//! nodes.

/// Steps to a node; four or five are needed.
const NEWTON_STEPS_MAX: usize = 20;

/// Nodes and weights of the Gauss-Legendre rule with that many nodes on `from ..= to`.
pub(crate) fn gauss_legendre(nodes: usize, from: f64, to: f64) -> Vec<(f64, f64)> {
    let half = 0.5 * (to - from);
    let node = |i: usize| {
        let mut x = libm::cos(core::f64::consts::PI * (i as f64 + 0.75) / (nodes as f64 + 0.5));
        let mut slope = 1.0;
        for _ in 0..NEWTON_STEPS_MAX {
            let (value, derivative) = legendre(nodes, x);
            slope = derivative;
            x -= value / derivative;
            if (value / derivative).abs() < f64::EPSILON {
                break;
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_integrates_polynomials_exactly() {
        let integral: f64 = gauss_legendre(6, 1.0, 3.0).iter().map(|&(x, weight)| weight * x.powi(11)).sum();
        let exact = (3f64.powi(12) - 1.0) / 12.0;
        assert!((integral / exact - 1.0).abs() < 1e-12);
    }
}
