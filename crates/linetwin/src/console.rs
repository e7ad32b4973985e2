//! What a person reads in the terminal.

use contract::{ChangeName, EventV1};

/// One plain-language line for a change that a supervisor should know of; nothing for the rest.
pub fn line(event: &EventV1) -> Option<String> {
    let alert = &event.alert;
    let at = event.at.0.to_string();
    let time = at.get(11..19).unwrap_or(&at);
    let text = match event.change {
        ChangeName::Raised => format!("ALERT {:6} {}", priority(event), alert.headline),
        ChangeName::Updated => format!("  still {:6} {}", priority(event), alert.headline),
        ChangeName::Returned => format!("  gone         {}", alert.headline),
        ChangeName::Closed => format!("  closed       {}", alert.headline),
        ChangeName::Acknowledged => {
            let by = alert.acknowledged.as_ref().map_or("somebody", |acknowledged| &acknowledged.by);
            format!("  seen by {by}: {}", alert.headline)
        }
    };
    let mut line = format!("{time}  {text}");
    if event.change == ChangeName::Raised {
        line.push_str(&format!("\n          {}", alert.advice));
    }
    Some(line)
}

fn priority(event: &EventV1) -> String {
    serde_json::to_value(event.alert.priority)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
