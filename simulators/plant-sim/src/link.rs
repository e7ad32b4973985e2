use telemetry::{Timestamp, Value};

use crate::board::Board;
use crate::{Point, PointId, SimLink, Update};

impl SimLink {
    /// Every link.
    pub const ALL: [Self; 3] = [Self::WeldPlc, Self::PackOpcua, Self::UtilitiesMqtt];

    /// The link's name in the example configuration and in the ground truth.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WeldPlc => "weld-plc",
            Self::PackOpcua => "pack-opcua",
            Self::UtilitiesMqtt => "utilities-mqtt",
        }
    }
}

/// Steps from one poll of the PLC to the next (0.5 s), and from one MQTT message of a station to the next (1 s).
const POLL_STEPS: u64 = 2;
const MESSAGE_STEPS: u64 = 4;

/// What one link gives of its points, and when.
pub(crate) struct Offer {
    points: Vec<PointId>,
    rule: Rule,
    pub(crate) link: SimLink,
    pub(crate) is_up: bool,
}

enum Rule {
    /// All points together, every other step, as a poll sees them.
    Poll,
    /// Each point when it has changed since it was last given.
    OnChange { last: Vec<Option<Value>> },
    /// All points of a station together, once a second and at once when its cycle begins or ends.
    Messages { topics: Vec<Topic> },
}

struct Topic {
    points: Vec<PointId>,
    cycle_active: Option<PointId>,
    last_active: Option<Value>,
}

impl Offer {
    /// The offer of a link that is up.
    pub(crate) fn new(link: SimLink, board: &Board) -> Self {
        let of_link: Vec<(PointId, &Point)> = (0..)
            .map(PointId)
            .zip(board.points())
            .filter(|&(id, point)| point.link == link && !board.is_recorded(id))
            .collect();
        let points: Vec<PointId> = of_link.iter().map(|(id, _)| *id).collect();
        let rule = match link {
            SimLink::WeldPlc => Rule::Poll,
            SimLink::PackOpcua => Rule::OnChange { last: vec![None; points.len()] },
            SimLink::UtilitiesMqtt => Rule::Messages { topics: topics(&of_link, board) },
        };
        Self { points, rule, link, is_up: true }
    }

    /// Appends what the link gives at this step; `step` counts from the plant's start.
    pub(crate) fn give(&mut self, step: u64, at: Timestamp, board: &Board, updates: &mut Vec<Update>) {
        let is_up = self.is_up;
        let mut give = |id: PointId| updates.push(Update { point: id, at, value: board.value(id) });
        match &mut self.rule {
            Rule::OnChange { last } if !is_up => last.fill(None),
            Rule::Poll if !is_up => {}
            Rule::Poll if step.is_multiple_of(POLL_STEPS) => self.points.iter().copied().for_each(give),
            Rule::Poll => {}
            Rule::OnChange { last } => {
                for (&id, last) in self.points.iter().zip(last) {
                    if *last != Some(board.value(id)) {
                        *last = Some(board.value(id));
                        give(id);
                    }
                }
            }
            Rule::Messages { topics } => {
                for topic in topics {
                    let active = topic.cycle_active.map(|id| board.value(id));
                    let is_due = step.is_multiple_of(MESSAGE_STEPS) || active != topic.last_active;
                    if is_up && is_due {
                        topic.points.iter().copied().for_each(&mut give);
                    }
                    topic.last_active = active;
                }
            }
        }
    }
}

/// The points by topic. The points of a topic follow one another on the board.
fn topics(points: &[(PointId, &Point)], board: &Board) -> Vec<Topic> {
    let topic = |point: &Point| point.address.split('#').next().unwrap_or_default().to_owned();
    let topics = points.chunk_by(|(_, a), (_, b)| topic(a) == topic(b));
    let build = |of_topic: &[(PointId, &Point)]| {
        let points = of_topic.iter().map(|(id, _)| *id).collect();
        let cycle_active = of_topic.iter().find(|(_, point)| point.role == "cycle.active").map(|(id, _)| *id);
        Topic { points, cycle_active, last_active: cycle_active.map(|id| board.value(id)) }
    };
    topics.map(build).collect()
}
