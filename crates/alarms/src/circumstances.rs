use genealogy::factors::Factor;
use genealogy::{Common, Recent};
use plant::{Cause, ChangeKind};
use serde::{Deserialize, Serialize};

/// What the cycles that show something have in common, and what changed about when it began.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Circumstances {
    /// What they have in common, the strongest first.
    pub in_common: Vec<Common>,
    /// What the station has come to use lately.
    pub recent: Vec<Recent>,
    /// Each kind of change that is told at the station, with how probable it would be without any connection that as much
    /// was found of it; `None` if nothing was. Each kind once.
    pub changes: Vec<(ChangeKind, Option<f64>)>,
}

/// No chance is believed to be smaller: cycles are less independent than the test takes them for, and what was changed
/// together looks alike. So a cause that often comes with a change gains a factor of about 11 at most, one that seldom
/// does of about 3.
const CHANCE_MIN: f64 = 0.025;

impl Circumstances {
    /// How much more probable a cause is by what changed, and what did not: the ratio of the probability of finding that if
    /// it is the cause to that of finding it without any connection.
    ///
    /// A share `c` of the cause's cases begins with such a change ([`Cause::comes_with`]), and then it is found; in the rest
    /// it is found by chance only, with the probability `p`. By the law of total probability (Bayes' theorem in odds) the
    /// ratio is `(1 - c) + c/p` if it was found, and `1 - c` if changes are told and none was. Of several kinds at most one
    /// has brought the cause, so their gains add.
    pub fn likelihood_ratio(&self, cause: Cause) -> f64 {
        let gain = |&(kind, share): &(ChangeKind, f64)| {
            let told = self.changes.iter().find(|(known, _)| *known == kind);
            told.map_or(0.0, |(_, chance)| match chance {
                Some(chance) => share * (1.0 / chance.max(CHANCE_MIN) - 1.0),
                None => -share,
            })
        };
        1.0 + cause.comes_with().iter().map(gain).sum::<f64>()
    }

    /// Causes with their weights, most likely first, by what is known besides.
    pub(crate) fn weigh(&self, causes: &mut [(Cause, f64)]) {
        causes.iter_mut().for_each(|(cause, weight)| *weight *= self.likelihood_ratio(*cause));
        causes.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    }

    /// Whether a cause can have come with something that the cycles elsewhere have in common as well: a lot, or a tool, of
    /// the same name, whichever station told it.
    pub(crate) fn share(&self, other: &Self, cause: Cause) -> bool {
        let brings = |kind: ChangeKind| cause.comes_with().iter().any(|(known, _)| *known == kind);
        let is_same = |one: &Common, two: &Common| match (one.factor, two.factor) {
            (Factor::Lot(one), Factor::Lot(two)) => one.text == two.text && brings(ChangeKind::Lot),
            (Factor::Tool(_, one), Factor::Tool(_, two)) => one == two && brings(ChangeKind::Tool),
            _ => false,
        };
        self.in_common.iter().any(|one| other.in_common.iter().any(|two| is_same(one, two)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(changes: &[(ChangeKind, Option<f64>)], cause: Cause) -> f64 {
        Circumstances { changes: changes.to_vec(), ..Circumstances::default() }.likelihood_ratio(cause)
    }

    #[test]
    fn a_change_speaks_for_what_it_can_bring_as_far_as_it_is_no_chance() {
        let lot = |chance| ratio(&[(ChangeKind::Lot, chance)], Cause::SheetMaterial);
        assert_eq!(lot(Some(1.0)), 1.0, "a lot for every part says nothing");
        assert_eq!(lot(Some(0.125)), 2.75);
        assert_eq!((lot(Some(1e-9)), lot(Some(0.025))), (10.75, 10.75));
        assert_eq!(lot(None), 0.75);
        assert_eq!(ratio(&[], Cause::SheetMaterial), 1.0, "nothing is told");
        assert_eq!(ratio(&[(ChangeKind::Tool, Some(0.01))], Cause::SheetMaterial), 1.0);
        assert_eq!(ratio(&[(ChangeKind::Maintenance, Some(0.25))], Cause::WeldWaterRestriction), 1.75);
    }

    #[test]
    fn no_cause_comes_with_more_than_all_its_cases() {
        for cause in Cause::ALL {
            let shares = cause.comes_with().iter().map(|(_, share)| share);
            assert!(shares.clone().all(|&share| share > 0.0) && shares.sum::<f64>() < 1.0, "{cause}");
        }
    }
}
