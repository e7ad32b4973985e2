//! Change detectors, baselines and their calibration: numbers in, verdicts out
