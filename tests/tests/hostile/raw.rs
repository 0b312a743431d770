//! Guests that no compiler of Rust makes: each trap, lies to the host about memory, imports and exports, and proposals
//! of WebAssembly that are off.

use longshore_protocol::limits::LimitName;

use crate::guest::Guest;

include!(concat!(env!("OUT_DIR"), "/guests/raw.rs"));

#[test]
fn executes_unreachable() {
    Guest::raw("executes_unreachable").traps("trapped: wasm `unreachable`");
}

#[test]
fn divides_by_zero() {
    Guest::raw("divides_by_zero").traps("trapped: integer divide by zero");
}

#[test]
fn divides_beyond_range() {
    Guest::raw("divides_beyond_range").traps("trapped: integer overflow");
}

#[test]
fn converts_no_number() {
    Guest::raw("converts_no_number").traps("trapped: invalid conversion to integer");
}

#[test]
fn converts_beyond_range() {
    Guest::raw("converts_beyond_range").traps("trapped: integer overflow");
}

#[test]
fn reads_beyond_memory() {
    Guest::raw("reads_beyond_memory").traps("trapped: out of bounds memory access");
}

#[test]
fn reads_beyond_addresses() {
    Guest::raw("reads_beyond_addresses").traps("trapped: out of bounds memory access");
}

#[test]
fn writes_beyond_memory() {
    Guest::raw("writes_beyond_memory").traps("trapped: out of bounds memory access");
}

#[test]
fn fills_beyond_memory() {
    Guest::raw("fills_beyond_memory").traps("trapped: out of bounds memory access");
}

#[test]
fn copies_beyond_memory() {
    Guest::raw("copies_beyond_memory").traps("trapped: out of bounds memory access");
}

#[test]
fn reads_dropped_data() {
    Guest::raw("reads_dropped_data").traps("trapped: out of bounds memory access");
}

#[test]
fn calls_beyond_its_table() {
    Guest::raw("calls_beyond_its_table")
        .traps("trapped: undefined element: out of bounds table access");
}

#[test]
fn calls_null() {
    Guest::raw("calls_null").traps("trapped: uninitialized element");
}

#[test]
fn calls_by_another_type() {
    Guest::raw("calls_by_another_type").traps("trapped: indirect call type mismatch");
}

#[test]
fn reads_beyond_its_table() {
    Guest::raw("reads_beyond_its_table")
        .traps("trapped: undefined element: out of bounds table access");
}

#[test]
fn starts_and_traps() {
    Guest::raw("starts_and_traps").traps("trapped: wasm `unreachable`");
}

#[test]
fn starts_with_data_beyond_memory() {
    Guest::raw("starts_with_data_beyond_memory").traps("trapped: out of bounds memory access");
}

#[test]
fn returns_beyond_memory() {
    Guest::raw("returns_beyond_memory")
        .traps("trapped: list pointer/length out of bounds of memory");
}

#[test]
fn returns_from_nowhere() {
    Guest::raw("returns_from_nowhere").traps("trapped: pointer out of bounds of memory");
}

#[test]
fn returns_unaligned() {
    Guest::raw("returns_unaligned").traps("trapped: return pointer not aligned");
}

#[test]
fn returns_no_such_case() {
    Guest::raw("returns_no_such_case").traps("trapped: invalid expected discriminant");
}

#[test]
fn fails_without_text() {
    Guest::raw("fails_without_text").traps("trapped: invalid utf-8 sequence");
}

#[test]
fn reallocates_beyond_memory() {
    Guest::raw("reallocates_beyond_memory").traps("trapped: realloc return: beyond end of memory");
}

#[test]
fn reallocates_through_its_host() {
    Guest::raw("reallocates_through_its_host").traps("trapped: cannot leave component instance");
}

#[test]
fn waits_for_a_handle_that_is_none() {
    Guest::raw("waits_for_a_handle_that_is_none").traps("trapped: unknown handle index 7");
}

#[test]
fn drops_a_handle_twice() {
    Guest::raw("drops_a_handle_twice").traps("trapped: unknown handle index 1");
}

#[test]
fn tells_what_is_no_text() {
    Guest::raw("tells_what_is_no_text").traps("trapped: invalid utf-8 sequence");
}

#[test]
fn tells_from_beyond_memory() {
    Guest::raw("tells_from_beyond_memory")
        .traps("trapped: string pointer/length out of bounds of memory");
}

#[test]
fn recurses_on_a_large_stack() {
    let guest = Guest::raw("recurses_on_a_large_stack").asks("stack_bytes", 64 << 20);
    // The stack is no memory of the guest's, and is used to its end.
    guest.asks("memory_bytes", 4 << 20).spares_its_host().reaches(LimitName::StackBytes);
}

#[test]
fn returns_a_gib() {
    Guest::raw("returns_a_gib")
        .asks("memory_bytes", 2 << 30)
        .spares_its_host()
        .reaches(LimitName::ResultBytes);
}

#[test]
fn fails_for_countless_causes() {
    Guest::raw("fails_for_countless_causes")
        .asks("result_bytes", 16 << 20)
        .spares_its_host()
        .reaches(LimitName::ResultBytes);
}

#[test]
fn fails_for_many_small_causes() {
    let ended = Guest::raw("fails_for_many_small_causes").spares_its_host().fails("");
    assert_eq!(ended.answer.stderr.matches("caused by").count(), 64);
}

#[test]
fn reallocates_for_ever() {
    Guest::raw("reallocates_for_ever").times_out();
}

#[test]
fn starts_and_spins() {
    Guest::raw("starts_and_spins").times_out();
}

#[test]
fn starts_with_a_giant() {
    Guest::raw("starts_with_a_giant").spares_its_host().runs_out_of_memory();
}

#[test]
fn grows_its_memory() {
    Guest::raw("grows_its_memory").spares_its_host().runs_out_of_memory();
}

#[test]
fn starts_with_a_giant_table() {
    Guest::raw("starts_with_a_giant_table").spares_its_host().reaches(LimitName::TableElements);
}

#[test]
fn grows_its_table() {
    Guest::raw("grows_its_table").spares_its_host().reaches(LimitName::TableElements);
}

#[test]
fn grows_its_table_at_once() {
    Guest::raw("grows_its_table_at_once").spares_its_host().reaches(LimitName::TableElements);
}

#[test]
fn does_nothing() {
    Guest::raw("does_nothing").completes("");
}

#[test]
fn is_no_component() {
    Guest::raw("is_no_component").counts_as_bad_input("core module, not a component");
}

#[test]
fn imports_an_unknown_interface() {
    Guest::raw("imports_an_unknown_interface").gets_refused("evil:host/doors@1.0.0");
}

#[test]
fn imports_a_newer_contract() {
    Guest::raw("imports_a_newer_contract").gets_refused("longshore:flow/host@2.0.0");
}

#[test]
fn imports_more_of_the_contract() {
    Guest::raw("imports_more_of_the_contract").gets_refused("open-all-doors");
}

#[test]
fn imports_by_another_type() {
    Guest::raw("imports_by_another_type").gets_refused("get-context");
}

#[test]
fn imports_a_bare_function() {
    Guest::raw("imports_a_bare_function").gets_refused("system");
}

#[test]
fn exports_nothing() {
    Guest::raw("exports_nothing").gets_refused("longshore:flow/guest");
}

#[test]
fn exports_by_another_type() {
    Guest::raw("exports_by_another_type").gets_refused("run: failed to convert function");
}

#[test]
fn exports_a_bare_function() {
    Guest::raw("exports_a_bare_function").gets_refused("longshore:flow/guest");
}

#[test]
fn uses_shared_memory() {
    Guest::raw("uses_shared_memory").fails_to_compile("threads");
}

#[test]
fn uses_atomics() {
    Guest::raw("uses_atomics").fails_to_compile("threads");
}

#[test]
fn uses_64_bit_memory() {
    Guest::raw("uses_64_bit_memory").fails_to_compile("memory64");
}

#[test]
fn uses_two_memories() {
    Guest::raw("uses_two_memories").fails_to_compile("memor");
}

#[test]
fn uses_tail_calls() {
    Guest::raw("uses_tail_calls").fails_to_compile("tail calls");
}

#[test]
fn uses_garbage_collection() {
    Guest::raw("uses_garbage_collection").fails_to_compile("gc");
}

#[test]
fn uses_exceptions() {
    Guest::raw("uses_exceptions").fails_to_compile("exceptions");
}

#[test]
fn uses_relaxed_vectors() {
    Guest::raw("uses_relaxed_vectors").fails_to_compile("relaxed SIMD");
}

#[test]
fn uses_wide_arithmetic() {
    Guest::raw("uses_wide_arithmetic").fails_to_compile("wide arithmetic");
}

#[test]
fn uses_small_pages() {
    Guest::raw("uses_small_pages").fails_to_compile("page");
}
