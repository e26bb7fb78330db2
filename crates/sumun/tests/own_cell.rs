//! The example of a cell of one's own reaches what it says.

#[path = "../examples/own_cell.rs"]
mod own_cell;

#[test]
fn a_minimal_gated_unit_forecasts_the_pacific() {
    let found = own_cell::run().unwrap();
    // Two layers of 2(16·1 + 16·16 + 16) and 2(16·16 + 16·16 + 16) numbers, and a head of 17.
    assert_eq!(found.parameters, 576 + 1056 + 17);
    assert!(found.error < 0.7 * found.as_last_month, "{} of {}", found.error, found.as_last_month);
    assert!(found.error < 0.7 * found.as_last_year, "{} of {}", found.error, found.as_last_year);
}
