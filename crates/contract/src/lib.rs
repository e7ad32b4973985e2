//! The versioned JSON that leaves and enters the daemon: alerts, events, commands, status and the state of the line.
//!
//! The only place where core types become wire types. Every type here is a promise to somebody outside: a field may be
//! added, but none may change its name, its unit or its meaning; that takes a new version beside the old one.
//!
//! Values of an enumeration are in kebab-case, keys in snake_case, moments in RFC 3339 and UTC. What is not known is
//! left out. Numbers are finite. The order of the fields is fixed, so that equal messages are equal bytes.

mod access;
mod alert;
mod backtest;
mod command;
mod common;
mod event;
mod flow;
mod forecast;
mod handling;
mod headline;
mod health;
mod intervention;
mod line;
mod names;
mod part;
mod passport;
mod phrases;
mod recording;
mod replay;
mod rim;
mod schema;
mod series;
mod shift;
mod signals;
mod state;
mod station;
mod status;
#[cfg(test)]
mod testing;

pub use self::flow::{BottleneckV1, FlowV1, ShareV1, ShiftSummaryV1};
pub use access::{AuditV1, AuditWhatV1, LoginV1, MeSchema, MeV1, NotARole, RoleName};
pub use alert::{AcknowledgementV1, AlertSchema, AlertV1, CauseV1, EvidenceV1, TranslationV1};
pub use backtest::{
    AlarmsV1, BacktestConfigurationV1, BacktestFaultV1, BacktestPlaceV1, BacktestRecordingV1, BacktestRunV1,
    BacktestSchema, BacktestV1, DifferenceV1, FindV1, FoundV1, JudgedAlertV1, LabelledFaultV1, MatchV1, RateV1,
    SpreadV1, ThresholdV1, WorthName,
};
pub use command::{AskV1, CommandError, CommandReplySchema, CommandReplyV1, CommandV1};
pub use common::{CommonV1, FactorName, FactorV1, RecentChangeV1, RelationName};
pub use event::{EventSchema, EventSource, EventV1, alert_lines};
pub use forecast::{ForecastSchema, ForecastV1, MaterialV1, RangeV1};
pub use handling::{EscalationV1, HistoryStepV1, JudgedV1, OutOfServiceV1, RecipientV1, ShelvedV1, StakeV1};
pub use health::{HealthSchema, HealthV1};
pub use intervention::{InterventionName, InterventionV1};
pub use line::{LineSchema, LineV1, NearestV1, ShiftNowV1, StationBriefV1};
pub use names::{
    CauseName, ChangeName, ConsequenceName, DetectorName, DirectionName, JudgementName, PriorityName, StateName,
    StationKindName,
};
pub use part::{
    ActionV1, EndingName, LabelV1, MarkV1, PartCycleV1, PartHistorySchema, PartHistoryV1, PartSchema, PartV1,
    PartValueV1, part_line,
};
pub use passport::{PassportFieldV1, passport};
pub use recording::{RecordingSchema, RecordingV1};
pub use replay::{ReplayCommandV1, ReplaySchema, ReplayV1, SpeedV1, UnlimitedName};
pub use rim::{Message, TimeV1, wire_name};
pub use schema::schemas;
pub use series::{PointV1, SeriesLimitV1, SeriesSchema, SeriesV1, WordsSchema, WordsV1};
pub use shift::{KpisV1, LossName, LossTreeV1, LossV1, MadeV1, ShiftSchema, ShiftV1, StationShiftV1};
pub use signals::{CountedV1, PlacedSignalV1, SignalQualityName, SignalsQueryV1, SignalsSchema, SignalsV1};
pub use state::{CountsV1, LinkStateName, LinkV1, ProtocolName, StateSchema, StateV1};
pub use station::{ChangeoverV1, FeatureV1, QualityName, SignalV1, StationStateName, StationV1, ValueV1};
pub use status::{NodeState, StatusSchema, StatusV1};
