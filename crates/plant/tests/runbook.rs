//! What a plant may say in its own words, and every mistake in it.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{PLANT, files};
use plant::{Cause, Files, Overrides, Plant, Problems, StationId, Texts, load};

/// Loads the small plant in those languages, with runbook files beside it.
fn plant(languages: &str, books: &[(&str, &str)]) -> Result<Plant, Problems> {
    let plant = format!("languages = {languages}\n{}", PLANT.1);
    let files = files();
    let files = files.iter().chain([(PLANT.0, plant.as_str())]).chain(books.iter().copied());
    load(&Files::from_pairs(files), &Overrides::default()).map(|configuration| configuration.plant)
}

fn texts(languages: &str, books: &[(&str, &str)]) -> Texts {
    plant(languages, books).unwrap_or_else(|problems| panic!("{problems}")).runbook.line
}

#[track_caller]
fn check(languages: &str, books: &[(&str, &str)], expected: &str) {
    let found = plant(languages, books).map_or_else(|problems| problems.to_string(), |_| String::new());
    assert!(found == expected, "found:\n{found}\nexpected:\n{expected}");
}

const WELD: Option<StationId> = Some(StationId(0));
const STORE: Option<StationId> = Some(StationId(1));

#[test]
fn languages_come_in_their_order() {
    let plant = plant(r#"["de", "en"]"#, &[]).unwrap_or_else(|problems| panic!("{problems}"));
    let languages: Vec<&str> = plant.runbook.texts().map(Texts::language).collect();
    assert_eq!(languages, ["de", "en"]);
    assert_eq!(plant.runbook.line.title(Cause::ElectrodeWear, WELD), "Elektrodenverschleiß");
    assert_eq!(plant.runbook.further[0].title(Cause::ElectrodeWear, WELD), "electrode wear");
}

#[test]
fn a_station_says_it_before_the_plant_and_the_plant_before_the_program() {
    let book = r#"
        [electrode-wear]
        advice = """
        Dress the caps.
        Spare caps are in cabinet 3."""

        [station.weld-1.electrode-wear]
        title = "worn caps of the big gun"

        [station.weld-1.pump-wear]
        advice = "Call 4711."

        [features]
        "weld current" = "gun current"
    "#;
    let texts = texts(r#"["en"]"#, &[("runbook/en.toml", book)]);
    assert_eq!(texts.title(Cause::ElectrodeWear, WELD), "worn caps of the big gun");
    assert_eq!(texts.title(Cause::ElectrodeWear, STORE), "electrode wear");
    assert_eq!(texts.advice(Cause::ElectrodeWear, WELD), "Dress the caps. Spare caps are in cabinet 3.");
    assert_eq!(texts.advice(Cause::ElectrodeWear, None), "Dress the caps. Spare caps are in cabinet 3.");
    assert_eq!(texts.advice(Cause::PumpWear, WELD), "Call 4711.");
    assert_eq!(texts.title(Cause::PumpWear, WELD), "coolant pump wear");
    assert_eq!(texts.feature("weld current"), "gun current");
    assert_eq!(texts.feature("weld energy"), "weld energy");
}

/// A runbook in a language that is not built in, without the texts of one cause.
fn french(without: Option<Cause>) -> String {
    let told = Cause::ALL.iter().filter(|&&cause| Some(cause) != without);
    told.map(|cause| format!("[{cause}]\ntitle = \"titre\"\nadvice = \"Faire.\"\n")).collect()
}

#[test]
fn any_language_will_do_that_tells_every_cause() {
    let texts = texts(r#"["fr"]"#, &[("runbook/fr.toml", &french(None))]);
    assert_eq!((texts.language(), texts.title(Cause::LinkLoss, None)), ("fr", "titre"));
    check(
        r#"["fr"]"#,
        &[("runbook/fr.toml", &french(Some(Cause::PumpWear)))],
        r#"runbook/fr.toml: has no advice for pump-wear; expected every cause in a language that is not built in: "fr"
runbook/fr.toml: has no title for pump-wear; expected every cause in a language that is not built in: "fr""#,
    );
    check(
        r#"["en", "fr"]"#,
        &[],
        r#"plant.toml:1: languages[1]: there is no runbook in "fr"; expected one of en, de, or a file runbook/fr.toml that tells every cause"#,
    );
}

#[test]
fn the_list_of_languages() {
    check(
        r#"["de", "de"]"#,
        &[],
        r#"plant.toml:1: languages[1]: "de" is in the list already; expected each language once"#,
    );
    check(
        r#"["German"]"#,
        &[],
        r#"plant.toml:1: languages[0]: "German" does not fit; expected a language code such as de
plant.toml:1: languages[0]: there is no runbook in "German"; expected one of en, de, or a file runbook/German.toml that tells every cause"#,
    );
    check("[]", &[], "plant.toml:1: languages: has too few entries; expected a list of 1 to 10 texts");
    check(r#""de""#, &[], r#"plant.toml:1: languages: "de" is a text; expected a list of 1 to 10 texts"#);
}

#[test]
fn mistakes_in_a_runbook() {
    let check = |book: &str, expected: &str| check(r#"["en"]"#, &[("runbook/en.toml", book)], expected);
    check(
        "[electrode-wear]\nadvise = \"x\"",
        r#"runbook/en.toml:2: electrode-wear.advise: "advise" is not a key here; expected one of advice, title; did you mean "advice"?"#,
    );
    check(
        "[electrode-wear]\nadvice = \"\"\ntitle = \" \"",
        "runbook/en.toml:2: electrode-wear.advice: is empty; expected a text, or no such key here
runbook/en.toml:3: electrode-wear.title: is empty; expected a text, or no such key here",
    );
    check("[electrode-wear]\nadvice = 3", "runbook/en.toml:2: electrode-wear.advice: 3 is a number; expected a text");
    check(
        "[station.weld-l.electrode-wear]\nadvice = \"x\"",
        r#"runbook/en.toml:1: station.weld-l: "weld-l" is not a station of this plant; expected one of weld-1, store-2, loop-1; did you mean "weld-1"?"#,
    );
    check(
        "[electrode-wear]\nadvice = x",
        "runbook/en.toml:2: not TOML: string values must be quoted, expected literal string",
    );
}

/// Of all the names that there are the likeliest are listed; how many there are is no matter here.
#[test]
fn names_that_are_mistyped_in_a_runbook() {
    let check = |book: &str, begin: &str, meant: &str| {
        let found = plant(r#"["en"]"#, &[("runbook/en.toml", book)]).unwrap_err().to_string();
        assert!(found.starts_with(begin), "{found}");
        assert!(found.ends_with(&format!("; did you mean {meant:?}?")), "{found}");
        assert_eq!(found.lines().count(), 1, "{found}");
    };
    check(
        "\n[electrod-wear]\ntitle = \"x\"",
        r#"runbook/en.toml:2: electrod-wear: "electrod-wear" is not a key here; expected one of "#,
        "electrode-wear",
    );
    check(
        "[station.weld-1.electrodewear]\nadvice = \"x\"",
        r#"runbook/en.toml:1: station.weld-1.electrodewear: "electrodewear" is not a key here; expected one of "#,
        "electrode-wear",
    );
    check(
        "[features]\n\"weld curent\" = \"x\"",
        r#"runbook/en.toml:2: features.weld curent: "weld curent" is not a feature; expected one of "#,
        "weld current",
    );
}

/// A file of a language that the line does not have is for another line.
#[test]
fn what_no_language_asks_for_is_left_alone() {
    check(r#"["en"]"#, &[("runbook/de.toml", "[nonsense]")], "");
}
