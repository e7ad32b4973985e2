//! How parts flow: what each station is doing and whom it waits for, where its time goes, the shift's key performance
//! indicators, and which station is the bottleneck; and, in [`line`], a model of the line to simulate shifts with.

mod activity;
mod bottleneck;
mod calendar;
mod changeover;
mod handover;
mod judge;
mod kpi;
mod ledger;
pub mod line;
mod material;
mod model;
mod prospect;
mod shift;
mod state;
mod station;
mod tracker;

pub use activity::{Activity, Loss, Source};
pub use bottleneck::{BottleneckShare, BottleneckView};
pub use calendar::{Calendar, Period};
pub use changeover::Changeover;
pub use kpi::{Kpis, LossTree};
pub use ledger::{Judgement, Made};
pub use material::MaterialUse;
pub use model::FlowModel;
pub use plant::StationState;
pub use prospect::{MaterialLeft, MaterialLevel, Prospect, ShiftForecast};
pub use shift::{LineKpis, ShiftReport, StationShift};
pub use state::StateWatch;
pub use tracker::{FlowTracker, FlowView, SHIFTS_MAX, StationFlowView};
