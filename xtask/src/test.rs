//! `cargo xtask test`: everything the tests need, then all of them on both engines in one run.

use anyhow::{Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

use crate::interrupt::Interrupt;
use crate::postgres::{Cluster, Durability};
use crate::{clients, languages, oci_registry, oidc, plugins, wasm_target, workspace};

/// Runs the tests; `arguments` are words to select tests by, then options for cargo, then `--` and options for the tests.
pub fn run(arguments: &[String]) -> Result<()> {
    run_with(arguments, &[])
}

/// The test `kills` on its own, with more kills than in the suite.
pub fn kill(kills: usize) -> Result<()> {
    let arguments = ["kills", "-p", "guildhall", "--test", "it", "--", "--nocapture"].map(str::to_owned);
    run_with(&arguments, &[("GUILDHALL_KILLS", kills.to_string())])
}

/// The tests of `smith` on their own, with more modules of each kind than in the suite.
pub fn smith(modules: usize) -> Result<()> {
    let arguments = ["smith::", "-p", "guildhall", "--test", "it", "--", "--nocapture"].map(str::to_owned);
    run_with(&arguments, &[("GUILDHALL_SMITH", modules.to_string())])
}

fn run_with(arguments: &[String], variables: &[(&str, String)]) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut interrupt = Interrupt::listen()?;
        let toolchain = wasm_target::ensure()?;
        let built = plugins::build_all(&toolchain)?;
        println!("built {} plugins", built.len());
        // Who selects tests by words has not asked for those that cargo knows nothing of.
        let languages = if arguments.is_empty() { languages::test()? } else { languages::ensure()? };
        let provider = oidc::ensure()?;
        oci_registry::ensure()?;
        let clients = clients::ensure()?;
        let cluster = Cluster::start(Durability::Memory)?;
        println!("PostgreSQL for the tests runs at {}", cluster.url());
        let (programs, account) = cluster.programs();
        let account = account.map(|(user, group)| format!("{user}:{group}")).unwrap_or_default();
        let mut command = Command::from(workspace::cargo());
        command
            .args(cargo_arguments(arguments))
            .env("GUILDHALL_TEST_POSTGRES", cluster.url())
            .env("GUILDHALL_TEST_POSTGRES_PROGRAMS", programs)
            .env("GUILDHALL_TEST_POSTGRES_ACCOUNT", account)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("GUILDHALL_TEST_OIDC", &provider)
            .env("GUILDHALL_LANGUAGES_DIR", &languages)
            .env("GUILDHALL_CLIENTS_DIR", &clients)
            .env("GUILDHALL_PLUGINS_DIR", workspace::target_directory()?.join("plugins"));
        run_until_interrupted(command, &mut interrupt).await
    })
}

/// The command gets a process group of its own, so that we end all of it and then clean up, in this order.
async fn run_until_interrupted(mut command: Command, interrupt: &mut Interrupt) -> Result<()> {
    let mut child = command.process_group(0).spawn()?;
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    tokio::select! {
        status = child.wait() => {
            let status = status?;
            if !status.success() {
                bail!("the tests ended with {status}");
            }
            Ok(())
        }
        () = interrupt.received() => {
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::TERM);
            }
            child.wait().await?;
            bail!("interrupted");
        }
    }
}

fn cargo_arguments(arguments: &[String]) -> Vec<String> {
    let filters = arguments.iter().take_while(|argument| !argument.starts_with('-')).count();
    let (filters, rest) = arguments.split_at(filters);
    let split = rest.iter().position(|argument| argument == "--").unwrap_or(rest.len());
    let for_cargo = &rest[..split];
    let for_tests = rest.get(split + 1..).unwrap_or_default();

    let mut all = vec!["test".to_owned()];
    let one_package = for_cargo.iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package"));
    if !one_package {
        all.push("--workspace".to_owned());
    }
    all.extend_from_slice(for_cargo);
    if !filters.is_empty() || !for_tests.is_empty() {
        all.push("--".to_owned());
        all.extend_from_slice(filters);
        all.extend_from_slice(for_tests);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> String {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        cargo_arguments(&words).join(" ")
    }

    #[test]
    fn arguments_reach_whom_they_are_for() {
        assert_eq!(given(""), "test --workspace");
        assert_eq!(given("orders money"), "test --workspace -- orders money");
        assert_eq!(given("orders --release -- --nocapture"), "test --workspace --release -- orders --nocapture");
        assert_eq!(given("-p guildhall --test it"), "test -p guildhall --test it");
    }
}
