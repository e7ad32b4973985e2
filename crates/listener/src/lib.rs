//! Where HTTP is listened for: a bounded number of connections, none of which can be held without being used, in the clear or
//! over TLS with a certificate that is read anew when it is renewed.

mod connection;
mod stamp;
mod tls;

pub use connection::{BoundedListener, Connection, Io};
pub use stamp::Stamp;
pub use tls::Tls;
pub use tls_files::TlsError;
