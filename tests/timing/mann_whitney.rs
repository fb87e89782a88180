//! The rank-sum test of Mann and Whitney (Annals of Mathematical Statistics 18, 1947): do two samples come
//! from one distribution? Two-sided, by the normal approximation, with corrections for ties and continuity.

/// The probability that samples of one distribution are at least as far apart as these.
pub(crate) fn p_value(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (rank_sum, ties) = ranks(a, b);
    let u = rank_sum - n * (n + 1.0) / 2.0;
    let total = n + m;
    let variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let distance = ((u - n * m / 2.0).abs() - 0.5).max(0.0);
    if variance <= 0.0 {
        return 1.0; // all values are equal
    }
    complementary_error_function(distance / variance.sqrt() / std::f64::consts::SQRT_2)
}

/// The sum of the ranks of `a` in both together, where equal values share the mean of their ranks; and
/// the sum of t³ - t over all groups of t equal values.
fn ranks(a: &[f64], b: &[f64]) -> (f64, f64) {
    let tag = |values: &[f64], first| values.iter().map(|v| (*v, first)).collect::<Vec<_>>();
    let mut all = [tag(a, true), tag(b, false)].concat();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (mut rank_sum, mut ties, mut before) = (0.0, 0.0, 0.0);
    for group in all.chunk_by(|x, y| x.0 == y.0) {
        let size = group.len() as f64;
        let firsts = group.iter().filter(|(_, first)| *first).count() as f64;
        rank_sum += firsts * (before + (size + 1.0) / 2.0);
        ties += size.powi(3) - size;
        before += size;
    }
    (rank_sum, ties)
}

/// Abramowitz and Stegun, 7.1.26; off by at most 1.5e-7.
fn complementary_error_function(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [
        0.254_829_592,
        -0.284_496_736,
        1.421_413_741,
        -1.453_152_027,
        1.061_405_429,
    ];
    let sum = series
        .iter()
        .rev()
        .fold(0.0, |sum, factor| t * (factor + sum));
    sum * (-x * x).exp()
}

fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
}

#[test]
fn the_error_function_has_its_tabled_values() {
    for (x, expected) in [
        (0.0, 1.0),
        (0.5, 0.479_500_122),
        (1.0, 0.157_299_207),
        (2.0, 0.004_677_735),
    ] {
        assert_close(complementary_error_function(x), expected);
    }
}

#[test]
fn known_samples_have_their_known_p_values() {
    // U = 17 of 20, without ties: z = (7 - 0.5) / sqrt(20 * 10 / 12).
    let (a, b) = ([19.0, 22.0, 16.0, 29.0, 24.0], [20.0, 11.0, 17.0, 12.0]);
    assert_close(p_value(&a, &b), 0.111_346_9);
    assert_close(p_value(&b, &a), 0.111_346_9);
    // Two groups of ties, of two and of three, make the variance 20 / 12 * (10 - 30 / 72).
    let (a, b) = ([1.0, 2.0, 2.0, 3.0], [3.0, 3.0, 4.0, 5.0, 6.0]);
    assert_close(p_value(&a, &b), 0.033_432_8);
    assert_close(p_value(&[7.0; 9], &[7.0; 9]), 1.0);
}

#[test]
fn a_small_shift_shows_in_many_samples_and_none_in_equal_ones() {
    let noise = |n: u64| (n.wrapping_mul(6_364_136_223_846_793_005) >> 40) as f64 % 1_000.0;
    let sample = |from: u64, shift: f64| (from..from + 500).map(|n| noise(n) + shift).collect();
    let (one, other): (Vec<f64>, Vec<f64>) = (sample(0, 0.0), sample(500, 0.0));
    let shifted: Vec<f64> = sample(500, 100.0);
    assert!(p_value(&one, &other) > 0.01, "{}", p_value(&one, &other));
    assert!(
        p_value(&one, &shifted) < 1e-4,
        "{}",
        p_value(&one, &shifted)
    );
}
