/*
 * What the multipath tests have in common on top of mp_run.h: cmocka's failures, the lab that most
 * use, and the skip where a machine can run none.
 */
#ifndef BRI_TESTS_MP_TEST_H
#define BRI_TESTS_MP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"
#include "mp_run.h"

#define MP_MS   BRI_NS_PER_MS
#define MP_MBIT UINT64_C(1000000)

/* mp_two_paths(): wlan: 20 ms round trip, 40 Mbit/s; wwan: 50 ms, 20 Mbit/s; endpoints on both. */
struct bri_lab_config mp_two_paths(void);

/* mp_open(): a lab and a fresh mp_shared. mp_close(): all of it away. */
struct mp_run mp_open(const struct bri_lab_config *config);
void mp_close(struct mp_run *run);

/* mp_start(): both programs. mp_end_well(): they end by themselves and all bytes of connection 0
 * arrived. */
void mp_start(struct mp_run *run);
void mp_end_well(struct mp_run *run);

struct bri_lab_stats mp_stats(struct mp_run *run, uint32_t path);
uint64_t mp_mib(struct mp_run *run, enum bri_lab_side side, const char *name);
/* mp_write(): a file of /proc/sys, for mp_shared's prepare functions. 0 or -errno */
int mp_write(const char *path, const char *text);
/* mp_set(): "wlan down". */
void mp_set(struct mp_run *run, const char *text);

/* mp_find(): the index of an event at or after `from`; -1: none. interface: NULL: any. */
int mp_find(const struct mp_end *end, uint32_t from, enum mp_event_kind kind, int value,
	const char *interface);
/* mp_expect(): the same, waited for. */
uint32_t mp_expect(const struct mp_end *end, uint32_t from, enum mp_event_kind kind, int value,
	const char *interface);

/* mp_main(): the tests, or 77. `shared` is what mp_open() resets. */
extern struct mp_shared *mp_shared_memory;
int mp_main(int (*run_all)(void));

#endif
