use schemars::JsonSchema;
use serde::Deserialize;

/// How the history of parts is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Genealogy {
    /// The most parts on the line that are followed, 1 to 100,000.
    pub on_line_max: u32,
    /// How long a part may not be seen before its record is closed as incomplete, hours; 0.1 to 8760.
    pub lost_after_h: f64,
    /// Whether it is kept who worked on a part.
    pub operators: bool,
}

impl Default for Genealogy {
    fn default() -> Self {
        GenealogyKeys::default().into()
    }
}

/// How the history of parts is kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GenealogyKeys {
    /// The most parts on the line that are followed; above it the record of the one not seen for longest is closed.
    #[schemars(range(min = 1, max = 100_000))]
    on_line_max: u32,
    /// How long a part may not be seen before its record is closed as incomplete, hours. Longer than any stop of the line.
    #[schemars(range(min = 0.1, max = 8760.0))]
    lost_after_h: f64,
    /// Whether it is kept who worked on a part: the role `operator.id`, and the names of those who report what was done.
    operators: bool,
}

impl Default for GenealogyKeys {
    fn default() -> Self {
        Self { on_line_max: 1000, lost_after_h: 96.0, operators: false }
    }
}

impl From<GenealogyKeys> for Genealogy {
    fn from(keys: GenealogyKeys) -> Self {
        let GenealogyKeys { on_line_max, lost_after_h, operators } = keys;
        Self { on_line_max, lost_after_h, operators }
    }
}
