use serde::{Deserialize, Serialize};

/// The most pairs of variants that a station's changeovers are kept of.
const PAIRS_MAX: usize = 100;
/// The latest changeovers of a pair that the 90th percentile is taken of.
const RECENT_MAX: usize = 50;

/// How long a station takes from one variant to another: its changeover matrix. Bounded: the pair that was longest not
/// seen makes room.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Changeovers {
    /// The latest last.
    pairs: Vec<Pair>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair {
    from: u16,
    to: u16,
    count: u64,
    sum_s: f64,
    /// The latest, seconds, in a ring.
    recent_s: Vec<f32>,
}

/// One cell of a changeover matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Changeover {
    /// From that variant, by index into the plant's list.
    pub from: usize,
    /// To that one.
    pub to: usize,
    /// How often.
    pub count: u64,
    /// Time of its own that the station lost between the last part of one and the first of the other, beyond a usual
    /// handover: mean, seconds.
    pub mean_s: f64,
    /// Of the latest 50, the 90th percentile by nearest rank, seconds.
    pub p90_s: f64,
}

impl Changeovers {
    /// One more.
    pub(crate) fn add(&mut self, from: u16, to: u16, seconds: f64) {
        let known = self.pairs.iter().position(|pair| (pair.from, pair.to) == (from, to));
        let mut pair = match known {
            Some(place) => self.pairs.remove(place),
            None => Pair { from, to, count: 0, sum_s: 0.0, recent_s: Vec::new() },
        };
        let place = (pair.count % RECENT_MAX as u64) as usize;
        match pair.recent_s.get_mut(place) {
            Some(oldest) => *oldest = seconds as f32,
            None => pair.recent_s.push(seconds as f32),
        }
        pair.count += 1;
        pair.sum_s += seconds;
        if self.pairs.len() == PAIRS_MAX {
            self.pairs.remove(0);
        }
        self.pairs.push(pair);
    }

    /// The cells that were seen, by variant.
    pub(crate) fn cells(&self) -> Vec<Changeover> {
        let mut cells: Vec<Changeover> = self.pairs.iter().map(Pair::cell).collect();
        cells.sort_unstable_by_key(|cell| (cell.from, cell.to));
        cells
    }
}

impl Pair {
    fn cell(&self) -> Changeover {
        let mut sorted = self.recent_s.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let rank = (sorted.len() * 9).div_ceil(10).max(1);
        Changeover {
            from: usize::from(self.from),
            to: usize::from(self.to),
            count: self.count,
            mean_s: self.sum_s / self.count.max(1) as f64,
            p90_s: sorted.get(rank - 1).copied().map_or(0.0, f64::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_count_mean_and_percentile_of_the_latest() {
        let mut matrix = Changeovers::default();
        (1..=10).for_each(|seconds| matrix.add(0, 1, f64::from(seconds)));
        matrix.add(1, 0, 7.0);
        let cell = |from, to, count, mean_s, p90_s| Changeover { from, to, count, mean_s, p90_s };
        assert_eq!(matrix.cells(), [cell(0, 1, 10, 5.5, 9.0), cell(1, 0, 1, 7.0, 7.0)]);
        (0..RECENT_MAX).for_each(|_| matrix.add(0, 1, 100.0));
        assert_eq!(matrix.cells()[0].p90_s, 100.0, "of the latest only");
        assert_eq!(matrix.cells()[0].count, 60);
    }

    #[test]
    fn pairs_are_bounded_and_the_one_not_seen_longest_goes() {
        let mut matrix = Changeovers::default();
        (0..PAIRS_MAX as u16).for_each(|from| matrix.add(from, 500, 1.0));
        matrix.add(0, 500, 1.0);
        matrix.add(900, 500, 1.0);
        let cells = matrix.cells();
        assert_eq!(cells.len(), PAIRS_MAX);
        assert_eq!((cells[0].from, cells[1].from), (0, 2), "1 was seen longest ago");
    }
}
