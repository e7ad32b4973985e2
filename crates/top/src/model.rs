//! What the terminal knows and shows. It changes by what is heard, answered and pressed, and asks for more by what it returns;
//! it has no clock and no connection, so that a test can show any moment.

use contract::{
    AlertV1, AskV1, CommandReplyV1, EvidenceV1, FlowV1, LineV1, MeV1, PriorityName, RoleName, SeriesV1, SignalsV1,
    StationBriefV1, StationV1, WordsV1,
};

use crate::format::seconds_between;
use crate::live::{Heard, Lost};
use crate::words::{Language, Words};

/// After this long without a word what is shown is old: the twin speaks at each tick.
const SILENCE_MAX_S: u64 = 10;

/// All that is shown.
pub(crate) struct Model {
    pub(crate) words: Words,
    /// Host and port of the daemon.
    pub(crate) server: String,
    pub(crate) connection: Connection,
    /// Whole seconds since the line was heard last.
    pub(crate) quiet_s: u64,
    pub(crate) me: Option<MeV1>,
    /// The line as it was told last; alerts are in the line's first language.
    pub(crate) line: Option<LineV1>,
    /// Where a person is, and how they came there: the last is shown, and there is always one.
    trail: Vec<View>,
    pub(crate) pane: Pane,
    /// The incident and the station that are chosen in their lists: by name, so that a list that changes its order under a
    /// finger does not change what is meant.
    pub(crate) incident: Option<String>,
    pub(crate) station: Option<String>,
    /// Which evidence of an incident is in the chart, and which feature of a station.
    pub(crate) evidence: usize,
    pub(crate) feature: usize,
    pub(crate) scroll: u16,
    /// How far can be scrolled, as the last picture found.
    pub(crate) scroll_max: u16,
    pub(crate) filter: String,
    pub(crate) search: String,
    /// Place of the first signal that is asked for.
    pub(crate) signals_from: usize,
    pub(crate) prompt: Option<Prompt>,
    /// What came of the last thing that a person wanted.
    pub(crate) said: Option<String>,
    pub(crate) is_commanding: bool,
    pub(crate) is_help: bool,
    pub(crate) looked: Looked,
}

/// How the daemon is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Connection {
    /// Nothing has been heard yet.
    Connecting,
    /// It is heard.
    Live,
    /// It is not heard any more.
    Lost(Lost),
}

/// What is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum View {
    Line,
    Incident(String),
    Station(String),
    Shift,
    Health,
}

/// Which of the two lists of the line the keys are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pane {
    Incidents,
    Stations,
}

/// What a person is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// What to filter by; it holds at each letter.
    Filter,
    /// How long to shelve an incident, with what has been typed of minutes.
    Shelve { incident: String, minutes: String },
    /// What to add to an incident.
    Comment { incident: String, text: String },
    /// What an incident was.
    Judge { incident: String },
    /// Whether to take a station out of service, or back into it.
    Service { place: String, is_out: bool },
}

/// What was looked up beyond the live stream, the latest of each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looked {
    pub(crate) station: Option<StationV1>,
    pub(crate) series: Option<SeriesV1>,
    pub(crate) flow: Option<FlowV1>,
    pub(crate) signals: Option<SignalsV1>,
}

/// A question to the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    Me,
    Words,
    Station(String),
    Series { station: String, feature: String },
    Flow,
    Signals { search: String, first: usize },
}

/// Its answer.
pub(crate) enum Answer {
    Me(MeV1),
    Words(WordsV1),
    Station(Box<StationV1>),
    Series(SeriesV1),
    Flow(Box<Option<FlowV1>>),
    Signals(SignalsV1),
}

/// What a person wants from the daemon or of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    Quit,
    /// Ask at once for what is shown now.
    Look,
    Command {
        ask: AskV1,
        comment: Option<String>,
    },
}

impl Model {
    pub(crate) fn new(server: String, language: Language) -> Self {
        Self {
            words: Words::new(language),
            server,
            connection: Connection::Connecting,
            quiet_s: 0,
            me: None,
            line: None,
            trail: vec![View::Line],
            pane: Pane::Incidents,
            incident: None,
            station: None,
            evidence: 0,
            feature: 0,
            scroll: 0,
            scroll_max: 0,
            filter: String::new(),
            search: String::new(),
            signals_from: 0,
            prompt: None,
            said: None,
            is_commanding: false,
            is_help: false,
            looked: Looked::default(),
        }
    }

    /// What is shown.
    pub(crate) fn view(&self) -> &View {
        self.trail.last().unwrap_or(&View::Line)
    }

    /// Goes to a view, from which `esc` leads back.
    pub(crate) fn open(&mut self, view: View) {
        if *self.view() != view {
            self.trail.push(view);
            self.at_the_top();
        }
    }

    /// Goes back to where one came from.
    pub(crate) fn back(&mut self) {
        if self.trail.len() > 1 {
            self.trail.pop();
            self.at_the_top();
        }
    }

    /// Goes to one of the first views, from which nothing leads back.
    pub(crate) fn switch(&mut self, view: View) {
        self.trail = vec![view];
        self.at_the_top();
    }

    fn at_the_top(&mut self) {
        (self.scroll, self.evidence, self.feature) = (0, 0, 0);
        (self.looked.station, self.looked.series) = (None, None);
    }

    /// Takes what was heard. The first incident is chosen where there was none before, and none is when the chosen one is no
    /// longer there: what is pressed then must not be for another one.
    pub(crate) fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Line(line) => {
                let was_quiet = self.alerts().next().is_none();
                self.line = Some(*line);
                self.connection = Connection::Live;
                self.quiet_s = 0;
                if self.station.is_none() {
                    self.station = self.stations().first().map(|station| station.name.clone());
                }
                if was_quiet {
                    self.incident = self.incidents().first().map(|alert| alert.id.clone());
                } else if !self.alerts().any(|alert| Some(&alert.id) == self.incident.as_ref()) {
                    self.incident = None;
                }
            }
            Heard::Lost(lost) => self.connection = Connection::Lost(lost),
        }
    }

    /// A second has gone by.
    pub(crate) fn second(&mut self) {
        self.quiet_s = self.quiet_s.saturating_add(1);
    }

    /// Whether what is shown is how things are.
    pub(crate) fn is_live(&self) -> bool {
        self.connection == Connection::Live && self.quiet_s <= SILENCE_MAX_S
    }

    /// Takes an answer, if it is still of what is shown.
    pub(crate) fn take(&mut self, look: &Look, answer: Answer) {
        if !self.looks().contains(look) && !matches!(look, Look::Me | Look::Words) {
            return;
        }
        match answer {
            Answer::Me(me) => self.me = Some(me),
            Answer::Words(words) => self.words.of_line = Some(words),
            Answer::Station(station) => self.looked.station = Some(*station),
            Answer::Series(series) => self.looked.series = Some(series),
            Answer::Flow(flow) => self.looked.flow = *flow,
            Answer::Signals(signals) => self.looked.signals = Some(signals),
        }
    }

    /// Takes what came of a command, in the twin's own words. What it has changed comes over the stream.
    pub(crate) fn commanded(&mut self, told: Result<CommandReplyV1, String>) {
        self.is_commanding = false;
        let error = match told {
            Ok(reply) if reply.ok => None,
            Ok(reply) => Some(reply.error.unwrap_or_default()),
            Err(error) => Some(error),
        };
        self.said = Some(match error {
            None => self.words.word("do.done").to_owned(),
            Some(error) => self.words.tell("do.failed", &[("error", &error)]),
        });
    }

    /// What has to be looked up for what is shown.
    pub(crate) fn looks(&self) -> Vec<Look> {
        let mut looks = Vec::new();
        looks.extend(self.me.is_none().then_some(Look::Me));
        looks.extend(self.words.of_line.is_none().then_some(Look::Words));
        match self.view() {
            View::Line | View::Incident(_) => {}
            View::Station(name) => looks.push(Look::Station(name.clone())),
            View::Shift => looks.push(Look::Flow),
            View::Health => looks.push(Look::Signals { search: self.search.clone(), first: self.signals_from }),
        }
        looks.extend(self.charted().map(|(station, feature)| Look::Series { station, feature }));
        looks
    }

    /// The station and the feature that are in the chart.
    pub(crate) fn charted(&self) -> Option<(String, String)> {
        match self.view() {
            View::Incident(id) => {
                let evidence = self.chosen_evidence(self.alert(id)?)?;
                Some((evidence.station.clone()?, evidence.name.clone()))
            }
            View::Station(name) => {
                let station = self.looked.station.as_ref().filter(|station| station.name == *name)?;
                let feature = station.features.get(self.feature % station.features.len().max(1))?;
                Some((name.clone(), feature.name.clone()))
            }
            View::Line | View::Shift | View::Health => None,
        }
    }

    /// The series of what is in the chart, once it is there.
    pub(crate) fn series(&self) -> Option<&SeriesV1> {
        let (station, feature) = self.charted()?;
        self.looked.series.as_ref().filter(|series| series.station == station && series.feature == feature)
    }

    /// Of the evidence that can be drawn, the piece that is chosen.
    pub(crate) fn chosen_evidence<'a>(&self, alert: &'a AlertV1) -> Option<&'a EvidenceV1> {
        let drawn: Vec<_> = alert.evidence.iter().filter(|evidence| is_drawn(evidence)).collect();
        drawn.get(self.evidence % drawn.len().max(1)).copied()
    }

    /// All incidents that are not closed.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &AlertV1> {
        self.line.iter().flat_map(|line| line.alerts.iter().flatten())
    }

    /// An incident by its id.
    pub(crate) fn alert(&self, id: &str) -> Option<&AlertV1> {
        self.alerts().find(|alert| alert.id == id)
    }

    /// The incidents that fit the filter: the most urgent first, those kept from view after the others.
    pub(crate) fn incidents(&self) -> Vec<&AlertV1> {
        let Some(line) = &self.line else { return Vec::new() };
        let wanted = self.filter.to_lowercase();
        let mut found: Vec<_> = self.alerts().filter(|alert| self.is_found(alert, &wanted)).collect();
        let left = |alert: &AlertV1| seconds_left(alert, line).unwrap_or(f64::INFINITY);
        found.sort_by(|one, other| {
            let aside = one.state.is_hidden().cmp(&other.state.is_hidden());
            let urgency = urgency(one.priority).cmp(&urgency(other.priority));
            aside.then(urgency).then(left(one).total_cmp(&left(other))).then(one.raised.cmp(&other.raised))
        });
        found
    }

    fn is_found(&self, alert: &AlertV1, wanted: &str) -> bool {
        let place = alert.station.as_ref().or(alert.link.as_ref()).map_or("", String::as_str);
        let (priority, state) = (self.words.of("priority", alert.priority), self.words.of("alertState", alert.state));
        let told = self.words.translated(alert.clone()).headline;
        [place, &priority, &state, &told, &alert.id].iter().any(|text| text.to_lowercase().contains(wanted))
    }

    /// The stations that fit the filter: upstream before downstream, otherwise as configured, utilities last.
    pub(crate) fn stations(&self) -> Vec<&StationBriefV1> {
        let all: Vec<_> = self.line.iter().flat_map(|line| &line.stations).collect();
        let serves = |name: &String| all.iter().any(|station| station.utilities.contains(name));
        let (utilities, flow): (Vec<_>, Vec<_>) = all.iter().copied().partition(|station| serves(&station.name));
        let mut ordered: Vec<&StationBriefV1> = in_flow_order(flow);
        ordered.extend(utilities);
        let wanted = self.filter.to_lowercase();
        if self.pane == Pane::Stations && !wanted.is_empty() {
            ordered.retain(|station| station.name.to_lowercase().contains(&wanted));
        }
        ordered
    }

    /// The place where a station is out of service, if it is.
    pub(crate) fn is_out(&self, place: &str) -> bool {
        self.line.iter().any(|line| line.out_of_service.iter().any(|out| out.place == place))
    }

    /// Whether who is logged in may do what needs that role; else why not.
    pub(crate) fn may(&self, role: RoleName) -> Result<(), String> {
        let needs = || self.words.tell("top.mayNot", &[("role", &self.words.of("role", role))]);
        match &self.me {
            Some(me) if me.role.is_some_and(|own| own >= role) => Ok(()),
            Some(me) if !me.logins => Err(self.words.word("top.noLogins").to_owned()),
            Some(me) if me.user.is_some() => Err(needs()),
            _ => Err(self.words.word("top.logIn").to_owned()),
        }
    }
}

/// Whether a piece of evidence is of cycles, which a chart can show.
fn is_drawn(evidence: &EvidenceV1) -> bool {
    use contract::DetectorName::{MeanShift, SpreadGrowth};
    evidence.station.is_some() && matches!(evidence.detector, MeanShift | SpreadGrowth)
}

const fn urgency(priority: PriorityName) -> u8 {
    match priority {
        PriorityName::High => 0,
        PriorityName::Medium => 1,
        PriorityName::Low => 2,
    }
}

/// Seconds until the limit is expected to be crossed; `None` if none is.
pub(crate) fn seconds_left(alert: &AlertV1, line: &LineV1) -> Option<f64> {
    let left = alert.time_to_limit_s.filter(|_| alert.returned.is_none())?;
    Some((left - seconds_between(alert.updated, line.now)).max(0.0))
}

/// Stations in a loop, which a line cannot have, come as configured.
fn in_flow_order(stations: Vec<&StationBriefV1>) -> Vec<&StationBriefV1> {
    let mut ordered: Vec<&StationBriefV1> = Vec::with_capacity(stations.len());
    let mut waiting = stations;
    while !waiting.is_empty() {
        let is_waited_for = |name: &String| waiting.iter().any(|other| other.name == *name);
        let ready = waiting.iter().position(|station| !station.upstream.iter().any(is_waited_for));
        ordered.push(waiting.remove(ready.unwrap_or(0)));
    }
    ordered
}
