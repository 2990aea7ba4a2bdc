import type { Command } from 'commander';

/** A command that only holds others; what it does alone is its default one. */
export const commandGroup = (program: Command, name: string, description: string): Command =>
  program.command(name).description(description).helpCommand(false);
