//! A part's history as a page to print: one file, nothing to load, no script.

use std::fmt::{self, Display, Write as _};

use contract::{PartCycleV1, PartHistoryV1, PartV1, PartValueV1, PassportFieldV1, wire_name};

/// Only the page's own style applies, and nothing runs.
pub(crate) const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("../assets/part.css");

/// The page of a part's history, in English.
pub fn part_page(history: &PartHistoryV1) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, history);
    page
}

fn write_page(page: &mut String, history: &PartHistoryV1) -> fmt::Result {
    let part = Escaped(&history.part);
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Part {part}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<h1>Part {part}</h1>\n"
    )?;
    for record in &history.records {
        write_record(page, record)?;
    }
    if !history.passport.is_empty() {
        write_passport(page, &history.passport)?;
    }
    page.write_str("</body>\n</html>\n")
}

fn write_record(page: &mut String, record: &PartV1) -> fmt::Result {
    let place = [&record.enterprise, &record.site, &record.area, &record.line].map(String::as_str).join(" / ");
    let verdict = match record.in_limits {
        Some(true) => "all within limits",
        Some(false) => "out of limits",
        None => "nothing has limits",
    };
    page.write_str("<section class=\"record\">\n<dl>\n")?;
    fact(page, "Line", &place)?;
    if let Some(variant) = &record.variant {
        fact(page, "Variant", variant)?;
    }
    if let (Some(first), Some(last)) = (record.first(), record.last()) {
        fact(page, "Built", &format!("{first} to {last}"))?;
    }
    fact(page, "Result", verdict)?;
    let ending = match record.ending {
        contract::EndingName::Left => "left the line",
        contract::EndingName::NotSeen => "incomplete: not seen any more",
        contract::EndingName::NoRoom => "incomplete: closed early, too many parts on the line",
        contract::EndingName::Late => "told late, adds to the record before",
    };
    fact(page, "Record", &format!("{ending}, closed {}, input {}", record.closed, record.sequence))?;
    if record.cycles_dropped > 0 {
        fact(page, "Missing", &format!("{} cycles before these", record.cycles_dropped))?;
    }
    page.write_str("</dl>\n")?;
    record.cycles.iter().try_for_each(|cycle| write_cycle(page, cycle))?;
    page.write_str("</section>\n")
}

fn write_cycle(page: &mut String, cycle: &PartCycleV1) -> fmt::Result {
    let again = if cycle.attempt > 1 { format!(", attempt {}", cycle.attempt) } else { String::new() };
    let (station, kind) = (Escaped(&cycle.station), wire_name(cycle.kind));
    write!(page, "<section class=\"cycle\">\n<h2>{station} <small>{kind}{again}</small></h2>\n<dl>\n")?;
    fact(page, "Time", &format!("{} to {}", cycle.start, cycle.end))?;
    for (name, value) in [("Program", &cycle.program), ("Tool", &cycle.tool), ("Operator", &cycle.operator)] {
        if let Some(value) = value {
            fact(page, name, value)?;
        }
    }
    if let Some(life) = cycle.tool_life {
        fact(page, "Tool life", &life.to_string())?;
    }
    let lots: Vec<String> = cycle.lots.iter().map(|lot| format!("{} ({})", lot.text, lot.signal)).collect();
    let children: Vec<&str> = cycle.children.iter().map(|child| child.text.as_str()).collect();
    let actions: Vec<String> = cycle
        .actions
        .iter()
        .map(|action| {
            let by = action.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            let comment = action.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
            format!("{} at {}{by}{comment}", wire_name(action.kind), action.at)
        })
        .collect();
    let incidents: Vec<String> =
        cycle.incidents.iter().map(|mark| format!("{} ({})", mark.id, wire_name(mark.cause))).collect();
    for (name, texts) in [
        ("Lots", lots.join(", ")),
        ("Mounted", children.join(", ")),
        ("Done before", actions.join("; ")),
        ("Incidents", incidents.join(", ")),
    ] {
        if !texts.is_empty() {
            fact(page, name, &texts)?;
        }
    }
    page.write_str("</dl>\n")?;
    if !cycle.values.is_empty() {
        page.write_str(
            "<table>\n<thead><tr><th>Value</th><th>Measured</th><th>Lowest to highest</th><th>Expected</th>\
             <th>Limits</th><th>Verdict</th></tr></thead>\n<tbody>\n",
        )?;
        cycle.values.iter().try_for_each(|value| write_value(page, value))?;
        page.write_str("</tbody>\n</table>\n")?;
    }
    page.write_str("</section>\n")
}

fn write_value(page: &mut String, value: &PartValueV1) -> fmt::Result {
    let unit = value.unit.as_deref().unwrap_or_default();
    let range = value.lowest.zip(value.highest).map(|(low, high)| format!("{} to {}", Number(low), Number(high)));
    let expected =
        value.expected.zip(value.sigma).map(|(value, sigma)| format!("{} ± {}", Number(value), Number(sigma)));
    let limits = match (value.low, value.high) {
        (Some(low), Some(high)) => format!("{} to {}", Number(low), Number(high)),
        (Some(low), None) => format!("at least {}", Number(low)),
        (None, Some(high)) => format!("at most {}", Number(high)),
        (None, None) => String::new(),
    };
    let (class, verdict) = match value.in_limits {
        Some(true) => ("", "within"),
        Some(false) => (" class=\"out\"", "OUT"),
        None => ("", ""),
    };
    writeln!(
        page,
        "<tr{class}><th>{}</th><td>{} {}</td><td>{}</td><td>{}</td><td>{}</td><td>{verdict}</td></tr>",
        Escaped(&value.name),
        Number(value.value),
        Escaped(unit),
        range.unwrap_or_default(),
        expected.unwrap_or_default(),
        limits,
    )
}

fn write_passport(page: &mut String, fields: &[PassportFieldV1]) -> fmt::Result {
    page.write_str(
        "<section class=\"passport\">\n<h2>Battery passport</h2>\n<p>Regulation (EU) 2023/1542, Article 77 and Annex XIII; \
         DIN DKE SPEC 99100. What is rated, declared or certified does not follow from a measurement of one pack.</p>\n\
         <table>\n<thead><tr><th>From this line</th><th>Value</th><th>Regulation</th><th>DIN DKE SPEC 99100</th></tr>\
         </thead>\n<tbody>\n",
    )?;
    let (here, elsewhere): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.from_this_line);
    let references = |field: &PassportFieldV1| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        (text(&field.regulation), text(&field.din_dke_spec_99100))
    };
    for field in here {
        let (regulation, spec) = references(field);
        let number = |value: &String| value.parse().map_or_else(|_| value.clone(), |value| Number(value).to_string());
        let values: Vec<String> = match field.unit {
            Some(_) => field.values.iter().map(number).collect(),
            None => field.values.clone(),
        };
        let values = format!("{} {}", values.join(", "), field.unit.as_deref().unwrap_or_default());
        let cells = [field.name.as_str(), values.trim_end(), &regulation, &spec];
        row(page, &cells)?;
    }
    page.write_str(
        "</tbody>\n</table>\n<table>\n<thead><tr><th>Not from this line</th><th>Regulation</th>\
         <th>DIN DKE SPEC 99100</th></tr></thead>\n<tbody>\n",
    )?;
    for field in elsewhere {
        let (regulation, spec) = references(field);
        row(page, &[field.name.as_str(), &regulation, &spec])?;
    }
    page.write_str("</tbody>\n</table>\n</section>\n")
}

fn row(page: &mut String, cells: &[&str]) -> fmt::Result {
    page.write_str("<tr>")?;
    for (place, cell) in cells.iter().enumerate() {
        let tag = if place == 0 { "th" } else { "td" };
        write!(page, "<{tag}>{}</{tag}>", Escaped(cell))?;
    }
    page.write_str("</tr>\n")
}

fn fact(page: &mut String, name: &str, value: &str) -> fmt::Result {
    writeln!(page, "<dt>{name}</dt><dd>{}</dd>", Escaped(value))
}

/// A text in which nothing is markup.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for sign in self.0.chars() {
            match sign {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                sign => f.write_char(sign)?,
            }
        }
        Ok(())
    }
}

/// A number with five significant digits, as a person reads it; the JSON has all of them.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: i32 = 5;
        let before_point = if self.0 == 0.0 { 1 } else { self.0.abs().log10().floor() as i32 + 1 };
        let decimals = (DIGITS - before_point).clamp(0, 9) as usize;
        let text = format!("{:.decimals$}", self.0);
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_texts_are_no_markup() {
        for (number, expected) in [(0.0, "0"), (9.61234567, "9.6123"), (312.0, "312"), (-0.0123456, "-0.012346")] {
            assert_eq!(Number(number).to_string(), expected);
        }
        assert_eq!(Number(1_234_567.8).to_string(), "1234568");
        let escaped = Escaped("<script>alert('\"&')</script>").to_string();
        assert_eq!(escaped, "&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;");
    }
}
