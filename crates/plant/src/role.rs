use std::fmt;

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $name:literal;)*) => {
        /// What a signal means. Process models bind to roles, never to tag names, so any plant fits by mapping its tags.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role { $($(#[$doc])* $role,)* }

        impl Role {
            /// Every role.
            pub const ALL: &'static [Self] = &[$(Self::$role),*];

            /// The role's name in a tag list.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$role => $name),* }
            }
        }
    };
}

roles! {
    /// True while the station works on a part.
    CycleActive = "cycle.active";
    /// Serial of the part in the station.
    PartId = "part.id";
    /// Variant of the part in the station, as name or code.
    Variant = "variant";
    /// True while the station has stopped with a fault of its own.
    Fault = "fault";
    /// True if the last part of the station is good, false if it is scrap or must be reworked.
    Result = "result";
    /// Cycles, welds or parts since the tool was dressed or changed; falls back when it is.
    ToolLife = "tool.life";

    /// Spot weld: root-mean-square current, kA.
    WeldCurrent = "weld.current";
    /// Spot weld: resistance at the end of the current flow, µΩ.
    WeldResistance = "weld.resistance";
    /// Spot weld: electrode force, kN.
    WeldForce = "weld.force";
    /// Spot weld: heat input, J.
    WeldEnergy = "weld.energy";
    /// Spot weld: highest resistance of the dynamic curve after the contacts have broken down, µΩ.
    WeldResistancePeak = "weld.resistance_peak";
    /// Spot weld: from the begin of the current to that peak, ms.
    WeldPeakTime = "weld.peak_time";
    /// Spot weld: spots with expulsion on the part so far.
    WeldExpulsions = "weld.expulsions";
    /// Flow of cooling water through the welding gun, l/min.
    GunWaterFlow = "gun.water_flow";
    /// Temperature of the cooling water leaving the welding gun, °C.
    GunWaterTemperature = "gun.water_temperature";

    /// Laser weld: power at the work piece, W.
    LaserPower = "laser.power";
    /// Laser weld: intensity of the plasma signal, arbitrary units.
    LaserPlasma = "laser.plasma";
    /// Laser weld: back-reflected light, arbitrary units.
    LaserBackReflection = "laser.back_reflection";
    /// Laser weld: seam width, mm.
    LaserSeamWidth = "laser.seam_width";

    /// Laser weld: speed along the seam, mm/s.
    LaserSpeed = "laser.speed";
    /// Laser weld: height of the focus above the surface, mm.
    LaserFocus = "laser.focus";
    /// Laser weld: gap between the parts before the seam, mm.
    LaserGap = "laser.gap";

    /// Tightening: final torque, N·m.
    TightenTorque = "tighten.torque";
    /// Tightening: angle from the snug point to the end, degrees.
    TightenAngle = "tighten.angle";
    /// Tightening: highest torque while the screw runs down, before the snug point, N·m.
    TightenRundownTorque = "tighten.rundown_torque";
    /// Dispensing: mass put on the part, g.
    DispenseMass = "dispense.mass";
    /// Dispensing: pressure before the nozzle, bar.
    DispensePressure = "dispense.pressure";
    /// Dispensing: temperature of the material before the nozzle, °C.
    DispenseTemperature = "dispense.temperature";
    /// Dispensing: time of the flow, s.
    DispenseTime = "dispense.time";
    /// Leak test: pressure lost in the test time, Pa.
    LeakPressureDrop = "leak.pressure_drop";
    /// Leak test: temperature of the part, °C.
    LeakTemperature = "leak.temperature";
    /// Cold plate of the pack: flow in its test, l/min.
    ColdPlateFlow = "coldplate.flow";
    /// Cold plate of the pack: pressure lost through it in its test, mbar.
    ColdPlatePressureDrop = "coldplate.pressure_drop";
    /// Filling of the pack's coolant: mass filled in, g.
    FillMass = "fill.mass";
    /// Filling of the pack's coolant: absolute pressure before, mbar.
    FillVacuum = "fill.vacuum";
    /// Cell or module: open-circuit voltage, V; one value after another for those of a part.
    ModuleVoltage = "module.voltage";
    /// Cell or module: internal resistance, mΩ; one value after another for those of a part.
    ModuleResistance = "module.resistance";
    /// End of line: insulation resistance, MΩ.
    EolInsulation = "eol.insulation";
    /// End of line: open-circuit voltage of the pack, V.
    EolVoltage = "eol.voltage";
    /// End of line: internal resistance of the pack, mΩ.
    EolResistance = "eol.resistance";

    /// Coolant loop: flow, l/min.
    LoopFlow = "loop.flow";
    /// Coolant loop: temperature of what it delivers, °C.
    LoopSupplyTemperature = "loop.supply_temperature";
    /// Coolant loop: temperature of what comes back, °C.
    LoopReturnTemperature = "loop.return_temperature";
    /// Coolant loop: pressure that the pump adds, bar.
    PumpPressure = "pump.pressure";
    /// Coolant loop: electrical power of the pump, kW.
    PumpPower = "pump.power";
    /// Coolant loop: electrical power of the chiller, kW.
    ChillerPower = "chiller.power";
    /// Coolant loop: temperature at which the chiller's refrigerant condenses, °C.
    ChillerCondensingTemperature = "chiller.condensing_temperature";
    /// Coolant loop: level of its tank, %.
    LoopLevel = "loop.level";
    /// Air around the chiller's condenser, °C.
    AmbientTemperature = "ambient.temperature";

    /// Robot: time of its own motion in the cycle, s.
    RobotMotionTime = "robot.motion_time";
    /// Robot: torque of the most loaded axis, % of nominal.
    RobotAxisTorque = "robot.axis_torque";
    /// Robot: temperature of the most loaded axis' motor, °C.
    RobotAxisTemperature = "robot.axis_temperature";
    /// Robot: time of the way to the part, s.
    RobotApproachTime = "robot.approach_time";
    /// Robot: time of the way with the part, s.
    RobotCarryTime = "robot.carry_time";
    /// Robot: time of the way back, s.
    RobotReturnTime = "robot.return_time";
    /// Robot: lost motion of the most loaded axis, from its reversal test, arc minutes.
    RobotBacklash = "robot.backlash";
    /// Robot: name or number of the running program.
    RobotProgram = "robot.program";

    /// Buffer: parts in it.
    BufferLevel = "buffer.level";

    /// Anything else: shown and recorded, in no model.
    Other = "other";

    /// Lot, coil or batch of the material that the station uses. A station may have several.
    MaterialLot = "material.lot";
    /// How much of a material the station still has: drum, bin, magazine. A station may have several.
    MaterialLevel = "material.level";
    /// Serial of a module, cell or cover that the station mounts on the part. A station may have several.
    PartChild = "part.child";
    /// Name or serial of the tool in the station.
    ToolId = "tool.id";
    /// Pseudonym of who works at the station; kept only where the plant allows it.
    OperatorId = "operator.id";

    /// Tightening: torque again and again while a joint is tightened, N·m; with `tighten.angle_trace` it gives the curve.
    TightenTorqueTrace = "tighten.torque_trace";
    /// Tightening: angle again and again while a joint is tightened, degrees, from the begin of the joint; set back to 0 for
    /// each joint.
    TightenAngleTrace = "tighten.angle_trace";
    /// Spot weld: voltage between the electrodes again and again while the current flows, V; with `weld.current_trace` it
    /// gives the curve of the dynamic resistance.
    WeldVoltageTrace = "weld.voltage_trace";
    /// Spot weld: current again and again while it flows, kA, and 0 after it.
    WeldCurrentTrace = "weld.current_trace";
    /// Cell sorting: open-circuit voltage, V; one value after another for the cells of a part.
    CellVoltage = "cell.voltage";
    /// Cell sorting: internal resistance (AC at 1 kHz, or DC), mΩ; one value after another for the cells of a part.
    CellResistance = "cell.resistance";
    /// Cell sorting: number of the class, or bin, that the last cell was sorted to.
    CellClass = "cell.class";
    /// Cell sorting: cells tested for the part so far.
    CellTested = "cell.tested";
    /// Cell sorting: of these, cells rejected.
    CellRejected = "cell.rejected";
    /// Coolant loop: opening that the balancing or control valve is told, %.
    ValveCommand = "valve.command";
    /// Coolant loop: opening that the valve has by its feedback, %.
    ValvePosition = "valve.position";
    /// Coolant loop: pressure lost in the valve, bar.
    ValvePressureDrop = "valve.pressure_drop";
    /// True, not 0 or a text while the machine itself says that something is wrong, whether it stops or goes on. A station may
    /// have several.
    MachineAlarm = "alarm";
    /// What the machine says of an alarm; called as the alarm, with `.message` behind.
    AlarmMessage = "alarm.message";
    /// How urgent the machine holds an alarm to be, from 1 to 1000 as in OPC UA; called as the alarm, with `.severity` behind.
    AlarmSeverity = "alarm.severity";
}

impl Role {
    /// Whether it is a value that a sensor measures in the station's cycles, or may be one: not a state, a command, a text, a
    /// count, nor the air of the hall, which is no station's.
    pub const fn is_measurement(self) -> bool {
        !matches!(
            self,
            Self::CycleActive
                | Self::PartId
                | Self::Variant
                | Self::Fault
                | Self::Result
                | Self::ToolLife
                | Self::WeldExpulsions
                | Self::RobotProgram
                | Self::BufferLevel
                | Self::AmbientTemperature
                | Self::MaterialLot
                | Self::MaterialLevel
                | Self::PartChild
                | Self::ToolId
                | Self::OperatorId
                | Self::CellClass
                | Self::CellTested
                | Self::CellRejected
                | Self::ValveCommand
                | Self::MachineAlarm
                | Self::AlarmMessage
                | Self::AlarmSeverity
        )
    }

    /// Whether a station may have several signals in that role.
    pub const fn may_repeat(self) -> bool {
        self.of_alarm().is_some()
            || matches!(
                self,
                Self::Other | Self::MaterialLot | Self::MaterialLevel | Self::PartChild | Self::MachineAlarm
            )
    }

    /// What stands behind the name of an alarm in that of a signal that says more of it; none in other roles.
    pub const fn of_alarm(self) -> Option<&'static str> {
        match self {
            Self::AlarmMessage => Some(".message"),
            Self::AlarmSeverity => Some(".severity"),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
