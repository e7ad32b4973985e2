//! Writes a batch as far as it can be written. What InfluxDB rejects a batch for is found by halving it.

use std::collections::BTreeSet;

use crate::influx::{Failure, Influx};

/// The most requests for one batch. What is rejected after so many is counted as it is: InfluxDB writes what it can of that.
const REQUESTS_MAX: u32 = 200;
/// The most series that are remembered as rejected.
const SUSPECTS_MAX: usize = 1000;

/// The series of which a line was rejected: the next ones likely are too, and would have each batch halved. They are written
/// apart until InfluxDB takes them again.
#[derive(Debug, Default)]
pub(crate) struct Suspects(BTreeSet<String>);

/// What became of the points of a batch.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) written: u64,
    /// InfluxDB will never take them.
    pub(crate) rejected: u64,
}

/// Somebody who takes lines.
pub(crate) trait Write {
    /// Writes lines.
    async fn write(&self, lines: String) -> Result<(), Failure>;
}

impl Write for Influx {
    async fn write(&self, lines: String) -> Result<(), Failure> {
        Self::write(self, lines).await
    }
}

impl Suspects {
    /// Writes all lines of a batch that can be written.
    ///
    /// # Errors
    /// Why nothing can be written at the moment. The batch is to be written again as a whole: what of it is written already
    /// stays the same points.
    pub(crate) async fn deliver(&mut self, influx: &impl Write, text: &str) -> Result<Tally, String> {
        let (suspected, clean): (Vec<&str>, Vec<&str>) =
            text.split_inclusive('\n').partition(|line| self.0.contains(series(line)));
        let mut tally = Tally::default();
        let mut apart = suspected;
        let mut pieces = vec![clean];
        let mut requests = 0;
        while let Some(mut piece) = pieces.pop() {
            piece.retain(|line| !self.divert(line, &mut apart));
            if piece.is_empty() {
                continue;
            }
            requests += 1;
            let reason = match influx.write(piece.concat()).await {
                Ok(()) => {
                    tally.written += piece.len() as u64;
                    continue;
                }
                Err(Failure::TooOld(points)) => {
                    tally.too_old(points, piece.len() as u64);
                    continue;
                }
                Err(Failure::Unavailable(reason)) => return Err(reason),
                Err(Failure::Rejected(reason)) => reason,
            };
            match piece.len() {
                1 => {
                    tally.rejected += 1;
                    self.suspect(piece[0], &reason);
                }
                count if requests >= REQUESTS_MAX => {
                    tally.rejected += count as u64;
                    tracing::warn!(
                        "InfluxDB rejects something in each of {count} points, which are counted as rejected: {reason}"
                    );
                }
                count => {
                    let second = piece.split_off(count / 2);
                    pieces.extend([second, piece]);
                }
            }
        }
        self.deliver_apart(influx, &apart, &mut tally).await?;
        Ok(tally)
    }

    /// Writes the lines of series that were rejected before.
    async fn deliver_apart(&mut self, influx: &impl Write, lines: &[&str], tally: &mut Tally) -> Result<(), String> {
        if lines.is_empty() {
            return Ok(());
        }
        let count = lines.len() as u64;
        match influx.write(lines.concat()).await {
            Ok(()) => {
                tally.written += count;
                for line in lines {
                    if self.0.remove(series(line)) {
                        tracing::info!("InfluxDB takes {} again", series(line));
                    }
                }
            }
            Err(Failure::TooOld(points)) => tally.too_old(points, count),
            Err(Failure::Rejected(_)) => tally.rejected += count,
            Err(Failure::Unavailable(reason)) => return Err(reason),
        }
        Ok(())
    }

    /// Whether a line is of a series that was rejected while this batch was written; it is put aside then.
    fn divert<'a>(&self, line: &'a str, apart: &mut Vec<&'a str>) -> bool {
        let is_suspect = self.0.contains(series(line));
        if is_suspect {
            apart.push(line);
        }
        is_suspect
    }

    fn suspect(&mut self, line: &str, reason: &str) {
        if self.0.len() >= SUSPECTS_MAX {
            self.0.pop_first();
        }
        if self.0.insert(series(line).to_owned()) {
            tracing::error!(
                "InfluxDB rejects {}: {reason}; points of that series are counted in linetwin_historian_rejected until it \
                 takes them: give what is in the bucket another name, or the historian another bucket",
                line.trim_end()
            );
        }
    }
}

impl Tally {
    fn too_old(&mut self, points: u64, of: u64) {
        let points = points.min(of);
        self.rejected += points;
        self.written += of - points;
    }
}

/// Measurement and tags of a line: all before its first space that is not escaped.
pub(crate) fn series(line: &str) -> &str {
    let mut is_escaped = false;
    let end = line.find(|character| {
        let is_end = character == ' ' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        is_end
    });
    line.get(..end.unwrap_or(line.len())).unwrap_or(line)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// Takes nothing that has one of these in it.
    #[derive(Default)]
    struct Picky {
        bad: Vec<&'static str>,
        taken: RefCell<BTreeSet<String>>,
        requests: Cell<u32>,
    }

    impl Write for Picky {
        async fn write(&self, lines: String) -> Result<(), Failure> {
            self.requests.set(self.requests.get() + 1);
            if self.bad.iter().any(|bad| lines.contains(bad)) {
                return Err(Failure::Rejected("type".to_owned()));
            }
            self.taken.borrow_mut().extend(lines.lines().map(str::to_owned));
            Ok(())
        }
    }

    fn lines(count: u32) -> String {
        (0..count).map(|number| format!("m,signal=s{number}x value={number} {number}\n")).collect()
    }

    async fn deliver(suspects: &mut Suspects, influx: &Picky, text: &str) -> (u64, u64, u32) {
        influx.requests.set(0);
        let tally = suspects.deliver(influx, text).await.unwrap();
        (tally.written, tally.rejected, influx.requests.get())
    }

    #[tokio::test]
    async fn a_bad_line_is_found_and_the_rest_written_and_known_the_next_time() {
        let mut influx = Picky { bad: vec!["s77x", "s78x"], ..Picky::default() };
        let mut suspects = Suspects::default();
        let (written, rejected, requests) = deliver(&mut suspects, &influx, &lines(1000)).await;
        assert_eq!((written, rejected), (998, 2));
        assert!(requests < 40 && influx.taken.borrow().len() == 998, "{requests}");
        assert_eq!(deliver(&mut suspects, &influx, &lines(1000)).await, (998, 2, 2), "it is written apart");
        influx.bad.clear();
        assert_eq!(deliver(&mut suspects, &influx, &lines(1000)).await, (1000, 0, 2));
        assert_eq!(deliver(&mut suspects, &influx, &lines(1000)).await, (1000, 0, 1), "it is trusted again");
    }

    #[tokio::test]
    async fn a_bucket_that_takes_nothing_does_not_cost_requests_without_end() {
        let influx = Picky { bad: vec!["m,"], ..Picky::default() };
        let (written, rejected, requests) = deliver(&mut Suspects::default(), &influx, &lines(5000)).await;
        assert_eq!((written, rejected), (0, 5000));
        assert!(requests < 2 * REQUESTS_MAX, "{requests}");
    }

    #[test]
    fn a_series_ends_at_the_first_space_that_is_not_escaped() {
        assert_eq!(series(r"m,a=b\ c,d=e value=1 2"), r"m,a=b\ c,d=e");
        assert_eq!(series("m value=1"), "m");
        assert_eq!(series(r"m,a=\\ value=1"), r"m,a=\\");
    }
}
