//! Canonical JSON: RFC 8785's own examples and the numbers of its appendix B.

use ledger::canonical_json;
use serde_json::Value;

fn check(json: &str, expected: &str) {
    let value: Value = serde_json::from_str(json).unwrap();
    let canonical = canonical_json(&value);
    assert_eq!(canonical, expected);
    let again: Value = serde_json::from_str(&canonical).unwrap();
    assert_eq!(canonical_json(&again), expected);
}

#[test]
fn the_example_of_section_3_2_2() {
    check(
        r#"{
          "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }"#,
        r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#,
    );
}

#[test]
fn members_are_sorted_by_utf_16() {
    check(
        r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#,
        "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}",
    );
}

#[test]
fn numbers_are_printed_as_ecmascript_prints_them() {
    let cases: [(u64, &str); 19] = [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ];
    for (bits, expected) in cases {
        let value = Value::from(f64::from_bits(bits));
        assert_eq!(canonical_json(&value), expected, "{bits:x}");
        let again: f64 = expected.parse().unwrap();
        let text: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(text.as_f64().unwrap().to_bits(), again.to_bits());
    }
}

#[test]
fn large_integers_keep_their_digits() {
    check(
        "[9007199254740993,18446744073709551615,-9223372036854775808]",
        "[9007199254740993,18446744073709551615,-9223372036854775808]",
    );
}

proptest::proptest! {
    #[test]
    fn a_double_reads_back_as_itself(bits in proptest::prelude::any::<u64>()) {
        let double = f64::from_bits(bits);
        if double.is_finite() {
            let text = canonical_json(&Value::from(double));
            let again: Value = serde_json::from_str(&text).unwrap();
            proptest::prop_assert_eq!(again.as_f64().unwrap(), double);
            proptest::prop_assert_eq!(canonical_json(&again), text);
        }
    }
}
