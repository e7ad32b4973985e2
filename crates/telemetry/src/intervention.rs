use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! interventions {
    ($($(#[$doc:meta])* $kind:ident = $code:literal, $name:literal, $title:literal;)*) => {
        /// What was done at a station that changes, or may change, what is normal there.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum InterventionKind { $($(#[$doc])* $kind,)* }

        impl InterventionKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The kind's stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            /// The kind in a person's words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title),* }
            }

            /// The kind's stable number, as recordings store it.
            pub const fn code(self) -> u8 {
                match self { $(Self::$kind => $code),* }
            }

            /// The kind with that number.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$kind),)* _ => None }
            }
        }
    };
}

interventions! {
    /// Another tool, gun, fixture or machine part: what it makes is not what the old one made.
    Retool = 1, "retool", "retool";
    /// The station was set up for another product.
    Changeover = 2, "changeover", "changeover";
    /// The tool was dressed: the same tool, sharp again.
    ToolDress = 3, "tool-dress", "tool dress";
    /// A worn tool was replaced by a new one of the same kind.
    ToolChange = 4, "tool-change", "tool change";
    /// A filter or strainer was cleaned or replaced.
    FilterChange = 5, "filter-change", "filter change";
    /// A program, or a parameter of one, was changed.
    ProgramChange = 6, "program-change", "program change";
    /// A sensor was replaced or calibrated.
    SensorChange = 7, "sensor-change", "sensor change";
    /// Dirt was taken away: from a glass, a nozzle, a seal, a heat exchanger.
    Cleaning = 8, "cleaning", "cleaning";
    /// Anything else that somebody who looks for a cause should know of.
    Other = 9, "other", "work";
}

impl fmt::Display for InterventionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_code() {
        for &kind in InterventionKind::ALL {
            assert_eq!(InterventionKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(InterventionKind::from_code(0), None);
    }
}
