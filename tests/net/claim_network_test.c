/* Claims whose rules are about kinds of interfaces, in a namespace where interfaces come and go:
 * the daemon is told again, each time that what is allowed has changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dispatch/dispatch.h>
#include <net/if.h>

#include "dispatch/runtime.h"
#include "netstate_ns.h"
#include "transport/claim.h"
#include "unit/fake_braidd.h"

#define NOWHERE ((uint32_t)INT32_MAX)

static struct bri_claim *claim;

static void on_news(void *context, const struct bri_claim_news *news)
{
	(void)context;
	(void)news;
}

static void start(void *queue)
{
	const struct bri_netstate_query rules = { .required_type = BRI_IFTYPE_WIFI };

	assert_int_equal(bri_claim_start(queue, 1, BRI_MESSAGE_SERVICE_HANDOVER, &rules, NULL,
				 on_news, &claim),
		0);
}

static void stop(void *queue)
{
	(void)queue;
	bri_claim_stop(claim);
}

static void run(const char *line)
{
	if (ns_run(line) != 0)
		fail_msg("%s", line);
}

/* Waits for the CLAIM that allows exactly these two; 0: none. Each that comes is answered. */
static void expect(uint32_t a, uint32_t b)
{
	struct bri_message m;
	uint8_t n = (uint8_t)((a != 0) + (b != 0));

	do {
		m = fake_expect(BRI_MESSAGE_CLAIM);
		fake_ok(&m);
		assert_int_equal(m.claim.n_prohibited, 0);
		assert_true(m.claim.n_required > 0); /* none would be all */
	} while (m.claim.n_required != n ||
		 !((m.claim.required[0] == a && m.claim.required[1] == b) ||
			 (m.claim.required[0] == b && m.claim.required[1] == a)));
}

static void interfaces_come_and_go(void **state)
{
	dispatch_queue_t queue = dispatch_queue_create("claims", NULL);
	uint32_t first, second;

	(void)state;
	fake_start();
	run("ip link add wlan7 type veth peer name far1");
	run("ip link set far1 up");
	run("ip addr add 10.7.0.1/24 dev wlan7");
	run("ip link set wlan7 up");
	run("ip link add eth7 type veth peer name far2");
	run("ip link set far2 up"); /* of another kind */
	run("ip addr add 10.9.0.1/24 dev eth7");
	run("ip link set eth7 up");
	first = if_nametoindex("wlan7");
	dispatch_sync_f(queue, queue, start);
	fake_meet();
	expect(first, 0);
	run("ip link add wlan8 type veth peer name far3");
	run("ip link set far3 up");
	run("ip addr add 10.8.0.1/24 dev wlan8");
	run("ip link set wlan8 up");
	second = if_nametoindex("wlan8");
	expect(first, second);
	run("ip link del wlan7");
	expect(second, 0);
	run("ip link set wlan8 down");
	expect(NOWHERE, 0);
	run("ip addr add 10.8.1.1/24 dev eth7"); /* nothing to do with it */
	assert_false(fake_is_readable(fake.peer, 300));
	dispatch_sync_f(queue, queue, stop);
	assert_int_equal(fake_expect(BRI_MESSAGE_RELEASE).release.token, 1);
	dispatch_release(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(interfaces_come_and_go, fake_setup, fake_teardown),
	};

	ns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
