-- The settings that a module had in the version before this one: going back gives it those again.
alter table module add column previous_config text;
-- The version that was told last that it is switched on, or comes from another one: what was off meanwhile, or must not
-- run, hears from which version it comes.
alter table module add column told_version text;
