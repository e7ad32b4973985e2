use adapter::{Raw, bad_sample, convert};
use opcua::types::custom::DynamicStructure;
use opcua::types::{ContextOwned, DataValue, DateTime, StatusCode, StatusCodeSeverity, SubStatusCode, Variant};
use plant::Signal;
use telemetry::{Quality, Reason, Sample, Timestamp, Value};

/// From 1601-01-01, where OPC UA starts to count, to 1970-01-01, in nanoseconds.
const EPOCH_NANOS: i128 = 11_644_473_600 * 1_000_000_000;
/// OPC UA counts time in units of 100 nanoseconds.
const NANOS_PER_TICK: i128 = 100;

/// How far the server's clock is ahead of ours, nanoseconds.
///
/// So that a channel to a server whose clock is wrong can be renewed, the client library subtracts it from every time
/// that it reads, except source times. What the server said must arrive as it was said, so it is added again here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Skew(i128);

impl Skew {
    /// The skew that the library uses now.
    pub(crate) fn of(context: &ContextOwned) -> Self {
        let offset = context.options().client_offset;
        Self(i128::from(offset.num_seconds()) * 1_000_000_000 + i128::from(offset.subsec_nanos()))
    }

    /// The time as the server sent it; `None` if the server sent the null time.
    pub(crate) fn restore(self, time: DateTime) -> Option<Timestamp> {
        let since_1601 = i128::from(time.ticks()) * NANOS_PER_TICK + self.0;
        if since_1601 <= 0 {
            return None;
        }
        let nanos = (since_1601 - EPOCH_NANOS).clamp(i64::MIN.into(), i64::MAX.into());
        Some(Timestamp::from_nanos(nanos as i64))
    }
}

/// The sample of a data value: source time, else server time, else `now`.
pub(crate) fn sample(signal: &Signal, part: &[String], data: &DataValue, skew: Skew, now: Timestamp) -> Sample {
    let source = data.source_timestamp.and_then(|time| Skew::default().restore(time));
    let server = || data.server_timestamp.and_then(|time| skew.restore(time));
    let source_time = source.or_else(server).unwrap_or(now);
    let quality = quality(data.status());
    let whole = data.value.as_ref().unwrap_or(&Variant::Empty);
    let value = part_of(whole, part).and_then(|value| scalar(value, signal, skew));
    match (value, quality) {
        (Ok(value), quality) => Sample { signal: signal.id, source_time, value, quality },
        (Err(_), Quality::Bad(reason)) | (Err(reason), _) => bad_sample(signal, source_time, reason),
    }
}

/// Whether the status says that the server's queue for the item ran over, so that values before this one are lost.
///
/// The standard wants the info type set beside the overflow bit, and all info bits 0 without it; not every server sets it.
pub(crate) fn overflowed(status: StatusCode) -> bool {
    status.overflow()
}

/// The quality that a status code means.
pub(crate) fn quality(status: StatusCode) -> Quality {
    match status.severity() {
        StatusCodeSeverity::Good => Quality::Good,
        StatusCodeSeverity::Uncertain => Quality::Uncertain(reason(status.sub_code())),
        StatusCodeSeverity::Bad => Quality::Bad(reason(status.sub_code())),
    }
}

/// The codes are those that OPC UA part 8, annex A, and part 4, 7.39, give for values and monitored items.
fn reason(code: SubStatusCode) -> Reason {
    use SubStatusCode as S;
    match code {
        S::BadNoCommunication
        | S::BadNotConnected
        | S::BadServerNotConnected
        | S::BadCommunicationError
        | S::BadConnectionClosed
        | S::BadConnectionRejected
        | S::BadDisconnect
        | S::BadWaitingForInitialData
        | S::BadShutdown
        | S::BadServerHalted => Reason::NotConnected,
        S::BadTimeout | S::BadRequestTimeout => Reason::Timeout,
        S::BadDeviceFailure
        | S::BadSensorFailure
        | S::BadOutOfService
        | S::UncertainSensorNotAccurate
        | S::UncertainSensorCalibration => Reason::DeviceFault,
        S::BadNodeIdUnknown | S::BadNodeIdInvalid | S::BadAttributeIdInvalid | S::BadNotFound | S::BadObjectDeleted => {
            Reason::UnknownAddress
        }
        S::BadTypeMismatch | S::BadDataEncodingInvalid | S::BadDataEncodingUnsupported => Reason::TypeMismatch,
        S::BadOutOfRange | S::UncertainEngineeringUnitsExceeded => Reason::OutOfRange,
        S::UncertainLastUsableValue | S::UncertainNoCommunicationLastUsableValue => Reason::Stale,
        S::UncertainSubstituteValue
        | S::UncertainInitialValue
        | S::UncertainTransducerInManual
        | S::UncertainSimulatedValue => Reason::Substituted,
        S::BadDecodingError | S::BadEncodingError | S::BadEncodingLimitsExceeded => Reason::Malformed,
        _ => Reason::Unspecified,
    }
}

/// The part of a value that names of fields and indices lead to.
fn part_of<'a>(value: &'a Variant, part: &[String]) -> Result<&'a Variant, Reason> {
    let Some((step, rest)) = part.split_first() else { return Ok(value) };
    let inner = match value {
        Variant::Array(array) => {
            let index: usize = step.parse().map_err(|_| Reason::TypeMismatch)?;
            array.values.get(index)
        }
        Variant::ExtensionObject(object) => {
            let structure: &DynamicStructure = object.inner_as().ok_or(Reason::TypeMismatch)?;
            structure.get_field_by_name(step)
        }
        Variant::Variant(inner) => return part_of(inner, part),
        _ => return Err(Reason::TypeMismatch),
    };
    part_of(inner.ok_or(Reason::UnknownAddress)?, rest)
}

fn scalar(value: &Variant, signal: &Signal, skew: Skew) -> Result<Value, Reason> {
    let time;
    let raw = match value {
        Variant::Boolean(condition) => Raw::Boolean(*condition),
        Variant::SByte(number) => Raw::Integer((*number).into()),
        Variant::Byte(number) => Raw::Integer((*number).into()),
        Variant::Int16(number) => Raw::Integer((*number).into()),
        Variant::UInt16(number) => Raw::Integer((*number).into()),
        Variant::Int32(number) => Raw::Integer((*number).into()),
        Variant::UInt32(number) => Raw::Integer((*number).into()),
        Variant::Int64(number) => Raw::Integer((*number).into()),
        Variant::UInt64(number) => Raw::Integer((*number).into()),
        Variant::Float(number) => Raw::Float((*number).into()),
        Variant::Double(number) => Raw::Float(*number),
        Variant::String(text) => Raw::Text(text.as_ref()),
        Variant::LocalizedText(text) => Raw::Text(text.text.as_ref()),
        Variant::DateTime(moment) => {
            time = skew.restore(**moment).map(|moment| moment.to_string()).unwrap_or_default();
            Raw::Text(&time)
        }
        _ => return Err(Reason::TypeMismatch),
    };
    convert(raw, signal)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use adapter::testing::signal;
    use opcua::types::StatusCodeInfoType;
    use plant::DataType;
    use telemetry::Symbol;

    use super::*;

    fn check_quality(status: StatusCode, expected: Quality) {
        assert_eq!(quality(status), expected, "{status}");
    }

    #[test]
    fn a_status_code_keeps_its_class_and_gets_a_reason() {
        check_quality(StatusCode::Good, Quality::Good);
        check_quality(StatusCode::GoodClamped, Quality::Good);
        check_quality(StatusCode::GoodLocalOverride, Quality::Good);
        check_quality(StatusCode::Uncertain, Quality::Uncertain(Reason::Unspecified));
        check_quality(StatusCode::UncertainLastUsableValue, Quality::Uncertain(Reason::Stale));
        check_quality(StatusCode::UncertainNoCommunicationLastUsableValue, Quality::Uncertain(Reason::Stale));
        check_quality(StatusCode::UncertainSubstituteValue, Quality::Uncertain(Reason::Substituted));
        check_quality(StatusCode::UncertainSimulatedValue, Quality::Uncertain(Reason::Substituted));
        check_quality(StatusCode::UncertainSensorNotAccurate, Quality::Uncertain(Reason::DeviceFault));
        check_quality(StatusCode::UncertainEngineeringUnitsExceeded, Quality::Uncertain(Reason::OutOfRange));
        check_quality(StatusCode::Bad, Quality::Bad(Reason::Unspecified));
        check_quality(StatusCode::BadNoCommunication, Quality::Bad(Reason::NotConnected));
        check_quality(StatusCode::BadWaitingForInitialData, Quality::Bad(Reason::NotConnected));
        check_quality(StatusCode::BadTimeout, Quality::Bad(Reason::Timeout));
        check_quality(StatusCode::BadSensorFailure, Quality::Bad(Reason::DeviceFault));
        check_quality(StatusCode::BadDeviceFailure, Quality::Bad(Reason::DeviceFault));
        check_quality(StatusCode::BadNodeIdUnknown, Quality::Bad(Reason::UnknownAddress));
        check_quality(StatusCode::BadTypeMismatch, Quality::Bad(Reason::TypeMismatch));
        check_quality(StatusCode::BadOutOfRange, Quality::Bad(Reason::OutOfRange));
        check_quality(StatusCode::BadDecodingError, Quality::Bad(Reason::Malformed));
        check_quality(StatusCode::BadUserAccessDenied, Quality::Bad(Reason::Unspecified));
        check_quality(StatusCode::from(0xC000_0000), Quality::Bad(Reason::Unspecified));
        check_quality(StatusCode::from(0x4FFF_0000), Quality::Uncertain(Reason::Unspecified));
    }

    #[test]
    fn info_bits_change_nothing_but_tell_of_lost_values() {
        let overflow = StatusCode::Good.set_info_type(StatusCodeInfoType::DataValue).set_overflow(true);
        check_quality(overflow, Quality::Good);
        assert!(overflowed(overflow));
        assert!(overflowed(StatusCode::Good.set_overflow(true)));
        assert!(!overflowed(StatusCode::Good));
    }

    fn check_value(value: Variant, data_type: DataType, expected: Result<Value, Reason>) {
        assert_eq!(scalar(&value, &signal(4, "", data_type), Skew::default()), expected, "{value:?}");
    }

    #[test]
    fn every_scalar_is_read() {
        check_value(Variant::Boolean(true), DataType::Bool, Ok(Value::Boolean(true)));
        check_value(Variant::SByte(i8::MIN), DataType::I16, Ok(Value::Integer(-128)));
        check_value(Variant::Byte(u8::MAX), DataType::U16, Ok(Value::Integer(255)));
        check_value(Variant::Int16(i16::MIN), DataType::I16, Ok(Value::Integer(-32_768)));
        check_value(Variant::UInt16(u16::MAX), DataType::U16, Ok(Value::Integer(65_535)));
        check_value(Variant::Int32(i32::MIN), DataType::I32, Ok(Value::Integer(-2_147_483_648)));
        check_value(Variant::UInt32(u32::MAX), DataType::U32, Ok(Value::Integer(4_294_967_295)));
        check_value(Variant::Int64(i64::MIN), DataType::I64, Ok(Value::Integer(i64::MIN)));
        check_value(Variant::UInt64(u64::MAX), DataType::F64, Ok(Value::Float(18_446_744_073_709_551_615.0)));
        check_value(Variant::Float(0.5), DataType::F32, Ok(Value::Float(0.5)));
        check_value(Variant::Double(-0.1), DataType::F64, Ok(Value::Float(-0.1)));
        check_value(Variant::from("EV1-L"), DataType::Text, Ok(Value::Symbol(Symbol::new("EV1-L").unwrap())));
        let moment = DateTime::ymd_hms_nano(2026, 11, 24, 3, 2, 36, 123_456_700);
        let text = Symbol::new("2026-11-24T03:02:36.1234567Z").unwrap();
        check_value(Variant::from(moment), DataType::Text, Ok(Value::Symbol(text)));
    }

    #[test]
    fn what_is_no_scalar_or_does_not_fit_is_refused() {
        check_value(Variant::Empty, DataType::F64, Err(Reason::TypeMismatch));
        check_value(Variant::from(vec![1.0, 2.0]), DataType::F64, Err(Reason::TypeMismatch));
        check_value(Variant::from("7"), DataType::I32, Err(Reason::TypeMismatch));
        check_value(Variant::Double(f64::NAN), DataType::F64, Err(Reason::OutOfRange));
        check_value(Variant::Int32(-1), DataType::U16, Err(Reason::OutOfRange));
    }

    #[test]
    fn an_element_of_an_array_is_a_value() {
        let curve = Variant::from(vec![1.0, 2.5]);
        let part = |steps: &[&str]| {
            let steps: Vec<String> = steps.iter().map(|&step| step.to_owned()).collect();
            part_of(&curve, &steps).cloned()
        };
        assert_eq!(part(&["1"]), Ok(Variant::Double(2.5)));
        assert_eq!(part(&["2"]), Err(Reason::UnknownAddress));
        assert_eq!(part(&["Torque"]), Err(Reason::TypeMismatch));
        assert_eq!(part(&["1", "0"]), Err(Reason::TypeMismatch));
        assert_eq!(part(&[]), Ok(curve.clone()));
    }

    #[test]
    fn the_source_time_is_the_one_the_source_sent() {
        let sent = DateTime::ymd_hms_nano(2001, 2, 3, 4, 5, 6, 700);
        let expected: Timestamp = "2001-02-03T04:05:06.0000007Z".parse().unwrap();
        let now = Timestamp::from_millis(1);
        let check = |source, server, skew, expected| {
            let data = DataValue { source_timestamp: source, server_timestamp: server, ..DataValue::value_only(1.5) };
            assert_eq!(sample(&signal(4, "", DataType::F64), &[], &data, skew, now).source_time, expected);
        };
        let behind = Skew(-820_540_800 * 1_000_000_000);
        check(Some(sent), None, behind, expected);
        check(Some(sent), Some(DateTime::now()), Skew::default(), expected);
        check(Some(DateTime::null()), Some(sent), Skew::default(), expected);
        check(None, Some(sent), Skew::default(), expected);
        check(None, Some(DateTime::ymd(2026, 1, 1)), behind, "2000-01-01T00:00:00Z".parse().unwrap());
        check(None, None, Skew::default(), now);
        check(Some(DateTime::endtimes()), None, Skew::default(), Timestamp::from_nanos(i64::MAX));
    }

    #[test]
    fn a_bad_value_keeps_its_reason_and_what_can_be_read_of_it() {
        let check = |value: Option<Variant>, status, expected_value, expected_quality| {
            let data = DataValue { value, status: Some(status), ..DataValue::null() };
            let found = sample(&signal(4, "", DataType::F64), &[], &data, Skew::default(), Timestamp::EPOCH);
            assert_eq!((found.value, found.quality), (expected_value, expected_quality));
        };
        let fault = Quality::Bad(Reason::DeviceFault);
        check(Some(Variant::Double(2.5)), StatusCode::BadSensorFailure, Value::Float(2.5), fault);
        check(None, StatusCode::BadSensorFailure, Value::Float(0.0), fault);
        check(None, StatusCode::Good, Value::Float(0.0), Quality::Bad(Reason::TypeMismatch));
        let stale = StatusCode::UncertainLastUsableValue;
        check(Some(Variant::from("?")), stale, Value::Float(0.0), Quality::Bad(Reason::TypeMismatch));
    }
}
