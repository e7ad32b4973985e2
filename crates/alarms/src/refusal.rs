use telemetry::IncidentId;

/// Why a command about an incident or a place cannot be carried out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// It is not open.
    #[error("there is no open incident {0}: it was never raised, or it is closed")]
    NoSuchIncident(IncidentId),
    /// It is not on the shelf.
    #[error("incident {0} is not shelved")]
    NotShelved(IncidentId),
    /// The time on the shelf is over before it begins.
    #[error("incident {0} cannot be shelved until a time that has passed; give a later one")]
    ShelfOver(IncidentId),
    /// The time on the shelf is too long.
    #[error("an incident can be shelved for at most {max_h} h (alarms.shelve_max_h); give an earlier time")]
    ShelfTooLong {
        /// The longest, hours.
        max_h: f64,
    },
    /// There is nothing in it.
    #[error("the comment is empty; say what is worth knowing")]
    NoComment,
    /// It is out of service already.
    #[error("{0} is out of service already")]
    OutAlready(String),
    /// It is in service.
    #[error("{0} is in service")]
    NotOut(String),
}
