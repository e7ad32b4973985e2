//! The supervisor's page in a terminal: the same line, incidents, words and commands, over the same API.
//!
//! [`model`] holds all that is known and changes by what is heard and pressed; [`draw`] makes a picture of it and of nothing
//! else; [`live`] follows the daemon. [`run`] is the one loop that has them all.

mod draw;
mod format;
mod keys;
mod live;
mod model;
#[cfg(test)]
mod pictures;
mod words;

pub use words::{Language, NotALanguage};

use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use api_client::{Client, ClientError, Credentials, SetupError};
use contract::{AskV1, CommandReplyV1};
use crossterm::event::{Event, EventStream, KeyEventKind};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::StreamExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

use keys::SIGNALS_ROWS;
use model::{Answer, Look, Model, Wish};

/// How often what is shown is looked up anew.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// What the page is to be of, and for whom.
pub struct Options {
    /// Where the daemon is, such as `https://twin:8443`.
    pub url: String,
    /// Certificates of who may have signed the daemon's, in PEM; those of the system if `None`.
    pub ca: Option<PathBuf>,
    /// Who asks.
    pub credentials: Credentials,
    /// In which language.
    pub language: Language,
}

/// Why the page could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum TopError {
    /// The daemon cannot be spoken to as wanted.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The daemon does not take the name, the password or the token, or shows nothing without one.
    #[error("{server}: {error}; --user NAME says who logs in")]
    Refused {
        /// Host and port.
        server: String,
        /// Why, in the daemon's words.
        error: String,
    },
    /// The terminal cannot be used.
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
}

/// Shows the page until its reader quits. A daemon that is away is waited for; one that does not let the reader in is not.
///
/// # Errors
/// If the options are wrong, the daemon refuses who asks, or the terminal cannot be used; it is as before then.
pub fn run(options: Options) -> Result<(), TopError> {
    let client = Client::new(&options.url, options.ca.as_deref(), options.credentials)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Said before the screen is taken: a wrong password is for the shell's next line, not for a picture.
        if let Err(error) = client.may_read().await
            && error.is_shut_out()
        {
            return Err(TopError::Refused { server: client.authority(), error: error.to_string() });
        }
        let mut terminal = ratatui::try_init()?;
        let shown = show(&client, options.language, &mut terminal).await;
        let restored = ratatui::try_restore();
        shown.and(restored.map_err(TopError::from))
    })
}

async fn show(client: &Client, language: Language, terminal: &mut ratatui::DefaultTerminal) -> Result<(), TopError> {
    let mut model = Model::new(client.authority(), language);
    let (mut heard, following) = live::follow(client);
    let mut following = pin!(following);
    let mut keys = EventStream::new();
    let mut seconds = interval_at(Instant::now() + Duration::from_secs(1), Duration::from_secs(1));
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // One question and one command at a time.
    let mut looking: Option<BoxFuture<'_, Answers>> = None;
    let mut commanding: Option<BoxFuture<'_, Result<CommandReplyV1, ClientError>>> = None;
    loop {
        let mut scroll_max = 0;
        terminal.draw(|frame| scroll_max = draw::draw(&model, frame))?;
        model.scroll_max = scroll_max;
        tokio::select! {
            key = keys.next() => match key {
                Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => match model.press(key) {
                    Some(Wish::Quit) => return Ok(()),
                    // What was asked before is no longer of use.
                    Some(Wish::Look) => looking = Some(look_up(client, model.looks()).boxed()),
                    Some(Wish::Command { ask, comment }) => commanding = Some(command(client, ask, comment).boxed()),
                    None => {}
                },
                // Anything else, such as another size, is answered by the next picture.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(()),
            },
            Some(heard) = heard.recv() => model.hear(heard),
            () = &mut following => return Ok(()),
            answers = answered(&mut looking) => answers.into_iter().for_each(|(look, answer)| model.take(&look, answer)),
            told = answered(&mut commanding) => model.commanded(told.map_err(|error| error.to_string())),
            _ = looks.tick(), if looking.is_none() => looking = Some(look_up(client, model.looks()).boxed()),
            _ = seconds.tick() => model.second(),
        }
    }
}

/// Waits for what is under way, which is then over; for ever if nothing is.
async fn answered<T>(asked: &mut Option<BoxFuture<'_, T>>) -> T {
    match asked {
        Some(asking) => {
            let answer = asking.await;
            *asked = None;
            answer
        }
        None => std::future::pending().await,
    }
}

/// Questions that were answered, with their answers.
type Answers = Vec<(Look, Answer)>;

/// Asks one after the other. What has no answer is asked again by the next round; that the daemon is away, the stream says.
async fn look_up(client: &Client, looks: Vec<Look>) -> Answers {
    let mut answers = Vec::new();
    for look in looks {
        if let Ok(answer) = answer_to(client, &look).await {
            answers.push((look, answer));
        }
    }
    answers
}

async fn answer_to(client: &Client, look: &Look) -> Result<Answer, ClientError> {
    let part = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    Ok(match look {
        Look::Me => Answer::Me(client.who_am_i().await?),
        Look::Words => Answer::Words(client.get("/api/v1/words").await?),
        Look::Station(name) => Answer::Station(client.get(&format!("/api/v1/station/{}", part(name))).await?),
        Look::Series { station, feature } => {
            let (station, feature) = (part(station), part(feature));
            Answer::Series(client.get(&format!("/api/v1/station/{station}/series?feature={feature}")).await?)
        }
        Look::Flow => Answer::Flow(client.get("/api/v1/flow").await?),
        Look::Signals { search, first } => {
            let search = part(search);
            Answer::Signals(
                client.get(&format!("/api/v1/signals?search={search}&first={first}&rows={SIGNALS_ROWS}")).await?,
            )
        }
    })
}

/// Sends a command. By whom it is, the daemon says: who is logged in.
async fn command(client: &Client, ask: AskV1, comment: Option<String>) -> Result<CommandReplyV1, ClientError> {
    /// A command as the page sends it.
    #[derive(serde::Serialize)]
    struct Body {
        #[serde(flatten)]
        ask: AskV1,
        #[serde(skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    }
    let body =
        serde_json::to_string(&Body { ask, comment }).unwrap_or_else(|_| unreachable!("a command has text keys"));
    client.post("/api/v1/command", body).await
}
