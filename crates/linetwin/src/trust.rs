//! `linetwin trust`: which OPC UA servers to believe.

use std::path::PathBuf;

use opcua_adapter::{Certificate, Pki, fetch_certificate};

/// `linetwin trust`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the certificates, as the link has it.
    #[arg(long, value_name = "DIR", default_value = "pki")]
    pki: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the certificates of servers that are trusted and rejected.
    List,
    /// Trust a server: a rejected certificate by the begin of its thumbprint, or one in a file. Compare the thumbprint with
    /// the one that the server itself shows.
    Add {
        /// Begin of a thumbprint, or a file in DER or PEM.
        certificate: String,
    },
    /// Trust a server no longer.
    Reject {
        /// Begin of a thumbprint, or a file in DER or PEM.
        certificate: String,
    },
    /// Ask a server for its certificate. It is put to the rejected ones, for `add`.
    Fetch {
        /// opc.tcp://host:port/path.
        url: String,
    },
    /// Print where the own certificate is, for the servers to trust; it is made if there is none.
    Own,
}

/// Does what is asked, and prints the certificates that it is about.
///
/// # Errors
/// If there is no such certificate, the folder cannot be read or written, or the server does not answer.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let pki = Pki::new(&arguments.pki);
    match &arguments.action {
        Action::List => list(&pki)?,
        Action::Add { certificate } => print("trusted", &pki.trust(certificate)?),
        Action::Reject { certificate } => print("rejected", &pki.reject(certificate)?),
        Action::Own => print("own", &pki.own_certificate()?),
        Action::Fetch { url } => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let certificate = runtime.block_on(fetch_certificate(url, &pki))?;
            print("fetched", &certificate);
            eprintln!("To trust it: linetwin trust --pki {} add {}", arguments.pki.display(), certificate.thumbprint);
        }
    }
    Ok(())
}

fn list(pki: &Pki) -> anyhow::Result<()> {
    let (trusted, rejected) = (pki.trusted()?, pki.rejected()?);
    trusted.iter().for_each(|certificate| print("trusted", certificate));
    rejected.iter().for_each(|certificate| print("rejected", certificate));
    eprintln!("{} trusted, {} rejected.", trusted.len(), rejected.len());
    Ok(())
}

fn print(what: &str, certificate: &Certificate) {
    let Certificate { thumbprint, subject, not_before, not_after, file } = certificate;
    println!("{what:8}  {thumbprint}  {subject}  {not_before} to {not_after}  {}", file.display());
}
