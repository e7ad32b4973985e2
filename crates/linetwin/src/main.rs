//! `linetwin`: the digital twin of a manufacturing line. See `linetwin --help`.

fn main() -> std::process::ExitCode {
    linetwin::cli::main()
}
