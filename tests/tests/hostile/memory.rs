//! Guests that want more memory than they may have.

use crate::guest::Guest;

include!(concat!(env!("OUT_DIR"), "/guests/memory.rs"));

#[test]
fn eats_by_steps() {
    Guest::flow("eats_by_steps").spares_its_host().runs_out_of_memory();
}

#[test]
fn eats_at_once() {
    Guest::flow("eats_at_once").spares_its_host().runs_out_of_memory();
}

#[test]
fn eats_by_doubling() {
    Guest::flow("eats_by_doubling").spares_its_host().runs_out_of_memory();
}

#[test]
fn leaks() {
    Guest::flow("leaks").spares_its_host().runs_out_of_memory();
}

#[test]
fn eats_by_keys() {
    Guest::flow("eats_by_keys").spares_its_host().runs_out_of_memory();
}

#[test]
fn grows_its_memory_itself() {
    Guest::flow("grows_its_memory_itself").spares_its_host().runs_out_of_memory();
}

#[test]
fn grows_its_memory_beyond_addresses() {
    Guest::flow("grows_its_memory_beyond_addresses").spares_its_host().runs_out_of_memory();
}

#[test]
fn asks_politely() {
    Guest::flow("asks_politely").spares_its_host().runs_out_of_memory();
}

#[test]
fn asks_for_more_than_there_is() {
    Guest::flow("asks_for_more_than_there_is").panics("capacity overflow");
}

#[test]
fn eats_what_it_may() {
    Guest::flow("eats_what_it_may").spares_its_host().completes("62914560\n");
}

#[test]
fn drowns_in_parameters() {
    Guest::flow("drowns_in_parameters")
        .param_file("data", vec![0; 8 << 20])
        .spares_its_host()
        .runs_out_of_memory();
}

#[test]
fn takes_small_parameters() {
    Guest::flow("takes_small_parameters")
        .param_file("data", vec![0; 2 << 10])
        .counts_as_bad_input("1024 bytes are allowed");
}

#[test]
fn counts_rows() {
    Guest::flow("counts_rows").param("rows", "[[1,\"a\"],[2,\"b\"]]").completes("2\n");
}
