//! Medians, percentiles, and the comparison within rounds.

/// What one round of one subject brought.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// In the unit of the result.
    pub value: f64,
    /// Half of the exchanges took at most so many microseconds.
    pub p50: Option<f64>,
    /// All but one in a hundred took at most so many microseconds.
    pub p99: Option<f64>,
    /// What the slowest connection got, as a part of the mean.
    pub slowest: Option<f64>,
}

impl Sample {
    /// A value alone.
    pub(crate) fn of(value: f64) -> Self {
        Self { value, ..Self::default() }
    }
}

/// The sample of the medians of each field.
pub(crate) fn summary(samples: &[Sample]) -> Option<Sample> {
    let of = |field: fn(&Sample) -> Option<f64>| median(samples.iter().filter_map(field).collect());
    Some(Sample {
        value: of(|sample| Some(sample.value))?,
        p50: of(|sample| sample.p50),
        p99: of(|sample| sample.p99),
        slowest: of(|sample| sample.slowest),
    })
}

/// The median over the rounds of how many times the other's value the own value is. Rounds without both do not count.
pub(crate) fn ratio(own: &[Option<Sample>], other: &[Option<Sample>]) -> Option<f64> {
    let pairs = own.iter().zip(other).filter_map(|(own, other)| Some((own.as_ref()?.value, other.as_ref()?.value)));
    median(pairs.filter(|(_, other)| *other > 0.0).map(|(own, other)| own / other).collect())
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len().is_multiple_of(2) { (values[middle - 1] + upper) / 2.0 } else { upper })
}

/// The value that `part` of the sorted values do not exceed.
pub(crate) fn percentile(sorted: &[u32], part: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
    let index = (part * last as f64).round() as usize;
    Some(f64::from(sorted[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(values: &[Option<f64>]) -> Vec<Option<Sample>> {
        values.iter().map(|value| value.map(Sample::of)).collect()
    }

    #[test]
    fn median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn percentile_is_one_of_the_values() {
        let sorted = (1..=101).collect::<Vec<_>>();
        assert_eq!(percentile(&sorted, 0.5), Some(51.0));
        assert_eq!(percentile(&sorted, 0.99), Some(100.0));
        assert_eq!(percentile(&[7], 0.99), Some(7.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn ratio_compares_within_rounds() {
        let own = rounds(&[Some(10.0), Some(200.0), None, Some(30.0)]);
        let other = rounds(&[Some(5.0), Some(100.0), Some(1.0), Some(10.0)]);
        assert_eq!(ratio(&own, &other), Some(2.0));
        assert_eq!(ratio(&own, &rounds(&[None; 4])), None);
    }

    #[test]
    fn summary_takes_what_there_is() {
        let slow = Sample { value: 1.0, p50: Some(9.0), ..Sample::default() };
        let samples = [slow, Sample::of(3.0), Sample::of(2.0)];
        assert_eq!(summary(&samples), Some(Sample { value: 2.0, p50: Some(9.0), ..Sample::default() }));
        assert_eq!(summary(&[]), None);
    }
}
