use std::net::IpAddr;
use std::sync::Arc;

use contract::RoleName;
use tokio_util::sync::CancellationToken;

use super::sessions::{Lease, Session, SessionKey};
use super::users::User;

/// Who sent a request, and from where.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The network address.
    pub(crate) address: IpAddr,
    /// Who.
    pub(crate) who: Who,
}

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// Whoever it is: there are no logins.
    Anyone,
    /// Somebody who is not logged in and has to be.
    Nobody,
    /// Somebody who is not logged in and may read.
    Guest,
    /// Somebody who is logged in.
    Person(SessionKey, Arc<Session>),
    /// Something with a token; its live streams end when this is cancelled.
    Machine(User, CancellationToken),
}

impl Who {
    /// What they may do.
    pub(crate) fn role(&self) -> Option<RoleName> {
        match self {
            Self::Nobody => None,
            Self::Anyone | Self::Guest => Some(RoleName::Viewer),
            Self::Person(_, session) => Some(session.user.role),
            Self::Machine(user, _) => Some(user.role),
        }
    }

    /// Their name, if they are known.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Nobody | Self::Anyone | Self::Guest => None,
            Self::Person(_, session) => Some(&session.user.name),
            Self::Machine(user, _) => Some(&user.name),
        }
    }

    /// What a live stream of theirs holds, if it has to end with them.
    pub(crate) fn lease(&self) -> Option<Lease> {
        match self {
            Self::Nobody | Self::Anyone | Self::Guest => None,
            Self::Person(_, session) => Some(session.lease()),
            Self::Machine(_, over) => Some(Lease::until(over.clone())),
        }
    }
}
