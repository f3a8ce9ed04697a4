//! Whole bottles on real engines: one list of scenarios, run for every engine.
//!
//! An engine that does not answer is skipped with a printed reason, unless `BOTTLE_TEST_REQUIRE`
//! names it. Every scenario has a home of its own, and ends by asking the engine that nothing that
//! bears its name is left.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "all of this is a test"
)]

mod addresses;
mod again;
mod apple_on_linux;
mod attach;
mod bounds;
mod copies;
mod credentials;
mod deaths;
mod dlp;
mod exits;
mod faults;
mod hardening;
mod harness;
mod homecoming;
mod live;
mod namespaces;
mod neighbours;
mod orphans;
mod policy;
mod sealing;
mod signals;
mod snapshots;
mod terminals;
mod timeouts;
mod trust;
mod unattended;
mod verbs;
mod verify;
mod walls;
mod workspace;

/// Makes a test of each scenario, for one engine.
macro_rules! engine {
    ($name:ident: $($module:ident::{$($scenario:ident),+ $(,)?};)+) => {
        mod $name {
            $($(
                #[test]
                fn $scenario() {
                    crate::harness::run(&crate::harness::$name(), crate::$module::$scenario);
                }
            )+)+
        }
    };
}

/// The scenarios of every backend.
macro_rules! scenarios {
    ($($engine:ident)+) => {$(
        engine! { $engine:
            attach::{
                a_detached_agent_is_watched_by_several_to_its_end,
                what_is_listed_of_a_bottle,
            };
            copies::{copies_go_both_ways_whole, what_comes_out_stays_in_its_folder};
            credentials::{
                common_tools_trust_the_bottle_without_flags,
                the_agent_cannot_find_the_credential,
                the_certificate_is_the_bottles_own,
                the_origin_gets_the_credential_and_replaces_the_agents_own,
            };
deaths::{a_launcher_may_die_at_any_point};
                        dlp::{what_is_planted_does_not_leave_and_a_placeholder_works_at_home};
            exits::{
                standard_streams_come_through,
                the_agents_own_status_comes_through,
                what_a_command_leaves_behind_holds_nothing,
            };
            hardening::{
                a_bound_on_processes_holds,
                root_is_root_by_name_only,
                the_agent_is_nobody_and_can_do_nothing,
                an_unprivileged_agent_works_on_a_read_only_root,
            };
            homecoming::{
                a_hostile_tree_comes_home_harmless,
                a_mounted_workspace_keeps_what_git_takes_orders_from,
                a_running_bottle_is_compared_as_it_is_now,
                a_tree_that_never_rests_leads_nowhere,
                an_agent_that_ended_by_itself_can_still_be_asked,
                ten_thousand_files_come_home,
                work_comes_home_and_nothing_stays_without_any,
            };
            live::{
                what_is_allowed_for_a_time_ends_by_itself,
                what_is_allowed_works_and_what_is_denied_ends,
            };
            policy::{an_https_host_without_a_route_is_refused, plain_http_is_decided_like_the_rest};
            signals::{
                a_signal_during_the_launch_takes_everything_down,
                a_signal_while_the_agent_runs_takes_everything_down,
                ctrl_c_in_a_terminals_foreground_takes_everything_down,
            };
            terminals::{
                a_closed_terminal_takes_everything_down,
                a_large_paste_arrives_whole,
                keys_and_sizes_reach_the_agent,
            };
            timeouts::{
                a_detached_agent_ends_when_its_time_is_over,
                an_agent_ends_when_its_time_is_over,
            };
            trust::{
                a_route_without_trust_is_refused_and_nothing_is_made,
                what_grants_nothing_needs_no_trust,
            };
            unattended::{
                a_bottle_that_runs_is_removed_by_force_only,
                a_report_has_the_logs_and_no_secret,
                events_tell_what_happens_and_nothing_else_is_said,
            };
            verbs::{
                a_detached_agent_that_ends_is_shown_as_stopped,
                every_verb_works_on_a_detached_bottle,
            };
            verify::{
                a_bottle_that_works_is_attacked_and_works_on,
                a_wall_that_is_whole_holds_each_attempt,
            };
            walls::{
                no_name_is_resolved_but_by_the_sidecar,
                without_the_proxy_variables_curl_gets_nowhere,
            };
            workspace::{
                a_copied_workspace_is_whole_and_the_hosts_stays_as_it_is,
                a_mounted_workspace_is_the_hosts,
                the_prompt_and_the_environment_arrive,
                what_must_be_asked_for_is_refused_without_a_terminal,
            };
        }
    )+};
}

/// What is about the containers and networks of an engine, or about its calls.
macro_rules! of_engines {
    ($($engine:ident)+) => {$(
        engine! { $engine:
            addresses::{networks_are_small_and_never_where_somebody_is};
            again::{
                a_kept_bottle_starts_again_with_its_files_behind_a_new_wall,
                a_launcher_may_die_while_it_starts_a_bottle_again,
                what_a_root_agent_may_have_replaced_is_not_run_again,
                what_was_tampered_with_does_not_start_again,
            };
            faults::{
                a_full_disk_is_an_error_and_leaves_nothing,
                an_engine_that_hangs_is_given_up,
                half_an_answer_is_an_error_and_leaves_nothing,
            };
            hardening::{
                a_read_only_root_is_read_only,
                an_image_in_which_the_guest_could_be_replaced_is_refused,
                build_steps_that_an_image_brings_reach_nothing,
            };
            neighbours::{two_bottles_do_not_see_each_other};
            orphans::{
                a_launch_removes_what_a_killed_launcher_left_and_nothing_else,
                clean_does_not_ask_without_a_terminal,
                clean_removes_what_a_killed_launcher_left_and_nothing_else,
            };
            sealing::{
                a_bottle_with_a_hole_does_not_run_its_agent,
                a_call_that_fails_leaves_nothing,
                a_host_that_answers_is_refused_or_warned_about,
            };
            verify::{
                a_bottle_that_is_started_again_is_walled_again,
                a_mounted_socket_is_named,
                a_secret_in_a_file_is_named,
                an_added_capability_is_named,
                an_attack_without_the_filter_names_what_it_denied,
                without_its_rule_the_hosts_bridge_takes_packets,
            };
            snapshots::{a_snapshot_has_the_agents_files_and_no_secret_of_the_old_bottle};
            walls::{nothing_leads_past_the_sidecar};
        }
    )+};
}

/// The same walls where there is no engine, and what there is instead of one.
macro_rules! of_namespaces {
    ($($engine:ident)+) => {$(
        engine! { $engine:
            bounds::{
                a_control_group_holds_all_of_a_bottle_and_goes_with_it,
                memory_and_processors_are_bounded,
            };
            namespaces::{
                a_killed_launcher_leaves_no_process,
                a_user_without_privileges_can_run_one,
                an_image_is_refused_unless_it_may_be_ignored,
                each_process_ends_with_the_one_that_keeps_it,
                neighbours_do_not_share_a_loopback,
                no_address_of_the_hosts_can_be_reached,
                nothing_of_the_hosts_users_is_seen,
                what_lay_in_memory_is_not_started_again_and_that_is_said,
            };
        }
    )+};
}

mod everywhere {
    scenarios! { docker podman macos_container native }
}
mod engines {
    of_engines! { docker podman macos_container }
}
mod bare {
    of_namespaces! { native }
}
