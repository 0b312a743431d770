use longshore_sdk::flow;

#[flow(job = "x")]
fn no_parentheses() {}

#[flow(job())]
fn nothing() {}

#[flow(job(working_dir))]
fn no_value() {}

#[flow(job(cpu = 1.5))]
fn no_whole_number() {}

#[flow(job(env(A = "1", A = "2")))]
fn twice() {}

#[flow(job(kubernetes(env(A(B = "1")))))]
fn too_deep() {}

fn main() {}
