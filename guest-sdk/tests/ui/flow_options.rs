use longshore_sdk::flow;

#[flow(timout = "30s")]
fn slip() {}

#[flow(colour = "red")]
fn unknown() {}

#[flow(timeout)]
fn no_value() {}

#[flow(timeout = 30)]
fn no_unit() {}

#[flow(timeout = "soon")]
fn no_duration() {}

#[flow(retry_delay = "10us")]
fn too_short() {}

#[flow(memory = "lots")]
fn no_size() {}

#[flow(memory = "0MiB")]
fn zero() {}

#[flow(retries = "3")]
fn no_number() {}

#[flow(retries = -1)]
fn negative() {}

#[flow(retries = 1, retries = 2)]
fn twice() {}

#[flow(name = "word count")]
fn no_name() {}

#[flow(limits(cpus = "1s"))]
fn no_limit() {}

#[flow(limits(sockets = "4"))]
fn no_amount() {}

#[flow(memory = "1MiB", limits(memory = "2MiB"))]
fn limit_twice() {}

#[flow(limits = "1MiB")]
fn no_parentheses() {}

#[flow(network = "api.example.com:443")]
fn no_list() {}

#[flow(network = ["https://api.example.com"])]
fn url() {}

#[flow(network = ["api.example.com"])]
fn no_port() {}

#[flow(env = ["A-B"])]
fn no_variable() {}

#[flow(secrets = ["KEY@host"])]
fn no_place() {}

#[flow(files = "data/")]
fn no_list_of_files() {}

#[flow(files = ["data/", "../secret"])]
fn leads_out() {}

#[flow(files = ["/etc/passwd"])]
fn absolute() {}

#[flow(files = [""])]
fn names_nothing() {}

fn main() {}
