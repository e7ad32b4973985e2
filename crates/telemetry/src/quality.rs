use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a value can be trusted. Follows the three classes of OPC UA status codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Quality {
    /// Trust it.
    Good,
    /// A value is there, with a doubt.
    Uncertain(Reason),
    /// Do not use the value.
    Bad(Reason),
}

impl Quality {
    /// Whether the value can be used: good or uncertain.
    pub fn is_usable(self) -> bool {
        !matches!(self, Self::Bad(_))
    }

    /// Why the quality is not good.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Good => None,
            Self::Uncertain(reason) | Self::Bad(reason) => Some(reason),
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Uncertain(reason) => write!(f, "uncertain ({reason})"),
            Self::Bad(reason) => write!(f, "bad ({reason})"),
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why a value is not good.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The reason's stable number, as recordings store it.
            pub const fn code(self) -> u8 {
                match self { $(Self::$name => $code),* }
            }

            /// The reason with that number.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $text),* })
            }
        }
    };
}

reasons! {
    /// No connection to the device.
    NotConnected = 1, "not connected";
    /// The device did not answer in time.
    Timeout = 2, "timed out";
    /// The device says that it, or its sensor, has failed.
    DeviceFault = 3, "device fault";
    /// The device does not know this address.
    UnknownAddress = 4, "unknown address";
    /// The value is not of the configured type.
    TypeMismatch = 5, "type mismatch";
    /// The value is outside the signal's configured range, or not a finite number.
    OutOfRange = 6, "out of range";
    /// The value is older than it should be.
    Stale = 7, "stale";
    /// The value was put in place of a measured one.
    Substituted = 8, "substituted";
    /// The payload that should hold the value could not be read.
    Malformed = 9, "malformed payload";
    /// A device's status code that says no more than "not good".
    Unspecified = 10, "unspecified";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_by_its_code() {
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(Reason::from_code(0), None);
    }
}
