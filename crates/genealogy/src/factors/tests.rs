use proptest::prelude::*;
use statrs::distribution::{DiscreteCDF, Hypergeometric};

use super::*;

fn table(bad_with: u64, bad_without: u64, good_with: u64, good_without: u64) -> Table {
    Table { bad_with, bad_without, good_with, good_without }
}

#[track_caller]
fn check(table: Table, expected: f64) {
    let p = table.over_representation();
    assert!((p - expected).abs() <= 1e-12 * expected.max(1e-3), "{table:?}: {p} and not {expected}");
}

/// Fractions that can be counted by hand.
#[test]
fn known_tables_have_the_probabilities_of_fisher() {
    // The lady tasting tea (Fisher 1935, chapter 2): all 8 cups right is one way of 70; 3 of 4 and better 17 of 70.
    check(table(4, 0, 0, 4), 1.0 / 70.0);
    check(table(3, 1, 1, 3), 17.0 / 70.0);
    check(table(2, 2, 2, 2), 53.0 / 70.0);
    check(table(0, 4, 4, 0), 1.0);
    // Convictions of twins of criminals (Fisher, The logic of inductive inference, Journal of the Royal Statistical Society
    // 98, 1935): 10 of 13 monozygotic, 2 of 17 dizygotic ones. The tail has (C(13,10)·C(17,2) + C(13,11)·C(17,1) + C(13,12)) of C(30,12) ways.
    check(table(10, 2, 3, 15), (286.0 * 136.0 + 78.0 * 17.0 + 13.0) / 86_493_225.0);
}

proptest! {
    /// Another program for the same distribution.
    #[test]
    fn the_tail_is_that_of_the_hypergeometric_distribution(
        bad_with in 0_u64..60,
        bad_without in 0_u64..60,
        good_with in 0_u64..400,
        good_without in 0_u64..400,
    ) {
        let ours = table(bad_with, bad_without, good_with, good_without).over_representation();
        let all = bad_with + bad_without + good_with + good_without;
        let others = Hypergeometric::new(all, bad_with + good_with, bad_with + bad_without);
        let theirs = match (others, bad_with) {
            (Ok(_), 0) => 1.0,
            (Ok(others), _) => others.sf(bad_with - 1),
            (Err(error), _) => panic!("{error}"),
        };
        prop_assert!((ours - theirs).abs() <= 1e-9, "{ours} and {theirs}");
    }

    /// Without any connection a small `q` is rare, and no `q` is below its `p`.
    #[test]
    fn q_follows_the_order_of_p(flags in prop::collection::vec((0_u8..4, 0_u8..3, any::<bool>()), 1..80)) {
        let parts: Vec<_> =
            flags.iter().map(|&(lot, tool, is_bad)| (vec![format!("lot {lot}"), format!("tool {tool}")], is_bad)).collect();
        let found = associate(&parts);
        for pair in found.windows(2) {
            prop_assert!(pair[0].p <= pair[1].p && pair[0].q <= pair[1].q);
        }
        for association in &found {
            let Table { bad_with, bad_without, good_with, good_without } = association.table;
            prop_assert!(association.q >= association.p && association.q <= 1.0);
            prop_assert_eq!((bad_with + bad_without + good_with + good_without) as usize, parts.len());
        }
    }
}

/// The procedure step by step on the numbers of a small example: p·m/rank, from the last to the first never larger.
#[test]
fn q_is_that_of_benjamini_and_hochberg() {
    // Of 8 parts 4 are bad, all from lot A and no other; half of each have tool T.
    let part = |lot: &str, tool: &str, is_bad| (vec![format!("lot {lot}"), format!("tool {tool}")], is_bad);
    let parts: Vec<_> = [("A", "T", true), ("A", "U", true), ("A", "T", true), ("A", "U", true)]
        .into_iter()
        .chain([("B", "T", false), ("B", "U", false), ("B", "T", false), ("B", "U", false)])
        .map(|(lot, tool, is_bad)| part(lot, tool, is_bad))
        .collect();
    let found: Vec<_> = associate(&parts).into_iter().map(|found| (found.factor, found.p, found.q)).collect();
    let names: Vec<&str> = found.iter().map(|(factor, ..)| factor.as_str()).collect();
    assert_eq!(names, ["lot A", "tool T", "tool U"], "lot B has no bad part");
    assert!((found[0].2 - 3.0 / 70.0).abs() < 1e-12, "{found:?}");
    assert!((found[1].2 - 53.0 / 70.0).abs() < 1e-12, "{found:?}");
}

/// 500 parts of 10 coils and 7 tools; a fifth of those of one coil is bad, and one in 50 of the others.
#[test]
fn the_coil_that_bad_parts_come_from_is_found_and_no_other() {
    let parts: Vec<_> = (0..500_u32)
        .map(|number| {
            let coil = number / 50;
            let is_bad = if coil == 4 { number % 5 == 0 } else { number % 50 == 7 };
            (vec![format!("coil {coil}"), format!("tool {}", number % 7)], is_bad)
        })
        .collect();
    let found = associate(&parts);
    let sure: Vec<&str> = found.iter().filter(|found| found.q < 0.05).map(|found| found.factor.as_str()).collect();
    assert_eq!(sure, ["coil 4"]);
    assert_eq!(found[0].table, table(10, 9, 40, 441));
}
