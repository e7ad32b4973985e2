//! A real browser on the page, as `tests/peers/browser/` drives it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::peers::Peer;
use crate::workspace_root;

/// A headless Chromium with one page.
pub struct Browser {
    peer: Peer,
    pictures: PathBuf,
}

/// Who looks at the page, and how.
#[derive(Debug, Clone, Copy)]
pub struct Viewer {
    /// Width and height of the window, pixels.
    pub window: (u32, u32),
    /// `light` or `dark`.
    pub scheme: &'static str,
    /// The browser's language, such as `de-DE`.
    pub language: &'static str,
}

/// A tablet held across, in an office, in English.
pub const ACROSS: Viewer = Viewer { window: (1180, 820), scheme: "light", language: "en-GB" };
/// A tablet held upright, at night, in German.
pub const UPRIGHT: Viewer = Viewer { window: (820, 1180), scheme: "dark", language: "de-DE" };

impl Viewer {
    /// The viewer as `browser.mjs` takes it.
    pub fn to_json(self) -> Value {
        let Self { window: (width, height), scheme, language } = self;
        json!({ "width": width, "height": height, "scheme": scheme, "language": language })
    }
}

impl Browser {
    /// Starts the browser. Pictures go into that folder.
    ///
    /// # Panics
    /// If it is not installed.
    #[track_caller]
    pub fn start(pictures: &Path) -> Self {
        let folder = workspace_root().join(".peers/browser");
        assert!(folder.join("node_modules").exists(), "the browser is not installed: run `cargo xtask peers`");
        let mut command = Command::new("node");
        command.arg(workspace_root().join("tests/peers/browser/browser.mjs")).arg(folder);
        Self { peer: Peer::start("browser.mjs", &mut command), pictures: pictures.to_owned() }
    }

    /// Opens the page anew, with nothing remembered, and waits until it is live.
    #[track_caller]
    pub fn open(&mut self, url: &str, viewer: Viewer) {
        self.ask("open", &json!({ "url": url, "viewer": viewer.to_json() }));
    }

    /// Does something on the page or waits for something there: `browser.mjs` has what there is.
    ///
    /// # Panics
    /// With the browser's words, if it does not come about.
    #[track_caller]
    pub fn ask(&mut self, what: &str, how: &Value) {
        self.peer.ask(&json!({ "do": what, "how": how }));
    }

    /// Goes to an address within the page and waits for its view.
    #[track_caller]
    pub fn go(&mut self, address: &str) {
        self.ask("go", &json!({ "address": address }));
    }

    /// Waits until that text is to be seen in the first element of the selector.
    #[track_caller]
    pub fn sees(&mut self, selector: &str, text: &str) {
        self.ask("sees", &json!({ "selector": selector, "text": text }));
    }

    /// Clicks or taps.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        self.ask("click", &json!({ "selector": selector }));
    }

    /// Nothing went wrong in the page so far, and it asked nobody but its own server.
    #[track_caller]
    pub fn is_quiet(&mut self) {
        self.ask("quiet", &json!({}));
    }

    /// What is shown can be used by everybody, as far as axe can tell: it finds nothing serious.
    #[track_caller]
    pub fn is_accessible(&mut self) {
        self.ask("accessible", &json!({}));
    }

    /// Takes a picture of what is shown.
    #[track_caller]
    pub fn picture(&mut self, name: &str) {
        let file = self.pictures.join(format!("{name}.png"));
        self.ask("picture", &json!({ "file": file }));
    }
}
