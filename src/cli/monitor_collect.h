/*
 * Where `braid monitor` looks: the kernel's sockets (sock_diag), its interfaces, /proc for the
 * programs. Needs no privilege; decides nothing.
 */
#ifndef BRI_CLI_MONITOR_COLLECT_H
#define BRI_CLI_MONITOR_COLLECT_H

#include <stdio.h>
#include "cli/monitor.h"

struct bri_collector;

/* bri_collector_open(): of the calling thread's network namespace. Returns 0 or -errno. */
int bri_collector_open(struct bri_collector **ret);
void bri_collector_close(struct bri_collector *collector); /* NULL is harmless */
/*
 * bri_collector_look(): fills the snapshot, sealed and with all subflows.
 * Returns 0, or -errno: there is none then. Blocks for the kernel's answers.
 */
int bri_collector_look(struct bri_collector *collector, struct bri_monitor_snapshot *ret);

/* bri_collector_events(): what the daemon did since the last call. Before the model's update. */
void bri_collector_events(struct bri_collector *collector, struct bri_monitor_model *model);

/* ---- programs: monitor_procs.c ---- */

struct bri_procs;

int bri_procs_new(struct bri_procs **ret); /* 0, -ENOMEM */
void bri_procs_free(struct bri_procs *procs);
/*
 * bri_procs_fill(): program and pid of connections whose socket a program has that we may see.
 * What was found is kept by inode; a search does a bounded amount of work and goes on in the next
 * call, so that what is not found now may be later.
 */
void bri_procs_fill(struct bri_procs *procs, struct bri_monitor_snapshot *snapshot);

/* ---- services: monitor_service.c ---- */

struct bri_services;

int bri_services_new(struct bri_services **ret); /* 0, -ENOMEM */
void bri_services_free(struct bri_services *services);
/* bri_services_fill(): the service of each connection, where braidd tells; a short deadline. */
void bri_services_fill(struct bri_services *services, struct bri_monitor_snapshot *snapshot);
/* bri_services_metrics(): braidd's own metrics, all of them, or nothing where it does not run or
 * does not answer. */
void bri_services_metrics(FILE *file);
/* bri_services_events(): what braidd told since the last call, to the model. Does not wait. */
void bri_services_events(struct bri_services *services, struct bri_monitor_model *model);

#endif
