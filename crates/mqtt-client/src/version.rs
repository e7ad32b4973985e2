use crate::{Broker, MqttVersion};

/// Which version of MQTT to speak: 5 first, unless only one is wanted, and 3.1.1 if the broker does not take that.
///
/// A broker that ends while it is being greeted looks like one that does not know the version. So nothing is remembered
/// beyond the connection: each begins with 5 again, which costs one more attempt where only 3.1.1 is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    current: MqttVersion,
    can_fall_back: bool,
}

impl Versions {
    /// Those to try at a broker, from the start.
    pub fn of(broker: &Broker) -> Self {
        Self { current: broker.version.unwrap_or(MqttVersion::V5), can_fall_back: broker.version.is_none() }
    }

    /// The version to speak now.
    pub fn current(self) -> MqttVersion {
        self.current
    }

    /// The broker does not seem to take the version. Returns whether there is another to try.
    pub fn fall_back(&mut self) -> bool {
        let falls_back = self.can_fall_back && self.current == MqttVersion::V5;
        if falls_back {
            self.current = MqttVersion::V3;
        }
        falls_back
    }
}
