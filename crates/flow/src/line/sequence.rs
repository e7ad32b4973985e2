use crate::line::random::{Purpose, Random};
use crate::line::{Distribution, LineModel};

/// What parts come to an entry, and when.
#[derive(Debug, Clone)]
pub(crate) struct Supply<'m> {
    weights: Vec<f64>,
    sum: f64,
    /// Probability that the variant is drawn anew for the next part.
    anew: f64,
    variant: Option<usize>,
    sequence: Random,
    gap: Option<&'m Distribution>,
    gaps: Random,
}

impl<'m> Supply<'m> {
    pub(crate) fn new(model: &'m LineModel, place: usize, seed: u64, replication: u64) -> Self {
        let weights: Vec<f64> = model.variants.iter().map(|variant| variant.weight).collect();
        Self {
            sum: weights.iter().sum(),
            weights,
            anew: 1.0 / model.run_parts,
            variant: None,
            sequence: Random::new(seed, replication, place, Purpose::Sequence),
            gap: model.places[place].station().and_then(|station| station.supply.as_ref()),
            gaps: Random::new(seed, replication, place, Purpose::Supply),
        }
    }

    /// The variant of the next part. Runs of one variant are geometric in length.
    pub(crate) fn next_variant(&mut self) -> usize {
        if self.weights.len() == 1 {
            return 0;
        }
        let (drawn, chosen) = (self.sequence.uniform(), self.sequence.uniform());
        match self.variant {
            Some(variant) if drawn >= self.anew => variant,
            _ => {
                let variant = self.chosen(chosen);
                self.variant = Some(variant);
                variant
            }
        }
    }

    /// From taking a part until the next is there, s.
    pub(crate) fn next_gap_s(&mut self) -> f64 {
        self.gap.map_or(0.0, |gap| gap.draw(&mut self.gaps))
    }

    /// A variant that is not known, by chance.
    pub(crate) fn any_variant(&mut self) -> usize {
        let chosen = self.sequence.uniform();
        self.chosen(chosen)
    }

    fn chosen(&self, share: f64) -> usize {
        let mut left = share * self.sum;
        let is_it = |&weight: &f64| {
            left -= weight;
            left < 0.0
        };
        let last = self.weights.len() - 1;
        self.weights.iter().position(is_it).unwrap_or(last)
    }
}
