//! What a person reads in the terminal.

use contract::{ChangeName, EventV1, wire_name};
use plant::Plant;

use crate::journal::told_to;

/// In which language.
#[derive(Debug, Clone, clap::Args)]
pub struct Language {
    /// Language of what is told here, such as de: one of those in plant.toml; the first of these if left out.
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
}

impl Language {
    /// Whether alerts of that plant are told in the language.
    ///
    /// # Errors
    /// If they are not.
    pub fn check(&self, plant: &Plant) -> anyhow::Result<()> {
        let known: Vec<&str> = plant.runbook.texts().map(plant::Texts::language).collect();
        match &self.language {
            Some(language) if !known.contains(&language.as_str()) => anyhow::bail!(
                "--language {language}: alerts of line {} are told in {}; languages in plant.toml says which",
                plant.line,
                known.join(", ")
            ),
            _ => Ok(()),
        }
    }
}

/// One plain-language line for a change that a supervisor should know of; nothing for the rest.
pub fn line(event: &EventV1, wanted: &Language) -> Option<String> {
    let alert = &event.alert;
    let wanted = wanted.language.as_ref();
    let translation = alert.translations.iter().find(|translation| Some(&translation.language) == wanted);
    let (headline, advice) =
        translation.map_or((&alert.headline, &alert.advice), |told| (&told.headline, &told.advice));
    let at = event.at.0.to_string();
    let time = at.get(11..19).unwrap_or(&at);
    let asks = || match alert.repeats {
        0 => format!("ALERT {:6} {headline}", wire_name(alert.priority)),
        again => format!("ALERT {:6} {headline} (came again, {again}x)", wire_name(alert.priority)),
    };
    let by = event.by.as_deref().unwrap_or("somebody");
    let text = match event.change {
        // What is kept from view is not shown to whoever wants to be told of alerts only.
        ChangeName::Updated if alert.state.is_hidden() => return None,
        ChangeName::Raised => asks(),
        ChangeName::ReAlarmed | ChangeName::Unshelved | ChangeName::Unsuppressed | ChangeName::PlacedInService => {
            format!("AGAIN {:6} {headline}", wire_name(alert.priority))
        }
        ChangeName::Escalated => format!("NOBODY ANSWERS, {} told: {headline}", told_to(event)),
        ChangeName::Updated => format!("  still {:6} {headline}", wire_name(alert.priority)),
        ChangeName::Returned => format!("  gone         {headline}"),
        ChangeName::Closed => format!("  closed       {headline}"),
        ChangeName::Acknowledged => format!("  seen by {by}: {headline}"),
        ChangeName::Shelved => format!("  shelved by {by}: {headline}"),
        ChangeName::Suppressed => format!("  suppressed   {headline}"),
        ChangeName::RemovedFromService => format!("  out of service: {headline}"),
        ChangeName::Commented => format!("  {by} adds {:?}: {headline}", event.comment.as_deref().unwrap_or_default()),
        ChangeName::Judged => format!("  judged by {by}: {headline}"),
    };
    let mut line = format!("{time}  {text}");
    if event.change == ChangeName::Raised {
        line.push_str(&format!("\n          {advice}"));
    }
    Some(line)
}
