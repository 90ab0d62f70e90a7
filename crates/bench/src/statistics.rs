//! Medians, percentiles and ratios of measured samples. Deliberately no means
//! and no standard deviations: one preempted round would move them.

/// The smallest sample that at least `percent` per cent of all samples do not
/// exceed (nearest rank). `None` without samples.
pub fn percentile(samples: &[f64], percent: f64) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// The middle sample, or the mean of the two middle ones. `None` without samples.
pub fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some((sorted[sorted.len() / 2 - 1] + upper) / 2.0)
}

/// How a subject compares with the yardstick, round by round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The median of the rounds' own ratios.
    pub median: f64,
    /// The lowest round.
    pub low: f64,
    /// The highest round.
    pub high: f64,
}

/// Divides each round's figure by the yardstick's of the same round, so that a
/// machine that slows down for a while slows both sides of a division. Rounds
/// whose yardstick is not positive (an added latency lost in the noise) say
/// nothing and are left out; `None` if that leaves fewer than half of them.
pub fn ratio(subject: &[f64], yardstick: &[f64]) -> Option<Ratio> {
    let ratios: Vec<f64> = subject
        .iter()
        .zip(yardstick)
        .filter(|(_, yardstick)| **yardstick > 0.0)
        .map(|(subject, yardstick)| subject / yardstick)
        .collect();
    if ratios.len() * 2 < subject.len() {
        return None;
    }
    Some(Ratio {
        median: median(&ratios)?,
        low: ratios.iter().copied().min_by(f64::total_cmp)?,
        high: ratios.iter().copied().max_by(f64::total_cmp)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_is_the_nearest_rank_in_any_order() {
        let samples: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(&samples, 50.0), Some(100.0));
        assert_eq!(percentile(&samples, 99.0), Some(198.0));
        assert_eq!(percentile(&samples, 100.0), Some(200.0));
        assert_eq!(percentile(&samples, 0.0), Some(1.0));
    }

    #[test]
    fn percentile_of_few_samples_stays_among_them() {
        assert_eq!(percentile(&[7.0], 99.0), Some(7.0));
        assert_eq!(percentile(&[], 99.0), None);
    }

    #[test]
    fn median_of_an_even_count_lies_between_the_middle_two() {
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0, 4.0]), Some(3.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn ratio_pairs_rounds_so_that_a_slow_machine_cancels_out() {
        // The second round ran on a machine three times as slow.
        let compared = ratio(&[20.0, 66.0, 22.0], &[10.0, 30.0, 10.0]);
        assert_eq!(
            compared,
            Some(Ratio {
                median: 2.2,
                low: 2.0,
                high: 2.2
            })
        );
    }

    #[test]
    fn ratio_leaves_out_rounds_without_a_yardstick_and_gives_up_on_too_few() {
        let some = ratio(&[2.0, 4.0, 6.0], &[1.0, -0.5, 2.0]);
        assert_eq!(some.map(|ratio| ratio.high), Some(3.0));
        assert_eq!(ratio(&[2.0, 4.0, 6.0], &[1.0, 0.0, -2.0]), None);
        assert_eq!(ratio(&[], &[]), None);
    }
}
