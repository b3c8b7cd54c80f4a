/* Wishes that wait for their connection: whose they are, how long they wait, how many there may be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include "daemon/pending.h"

#define USER UINT32_C(1000)
#define NOW  UINT64_C(5000)

static struct bri_pending p;

static int setup(void **state)
{
	(void)state;
	bri_pending_init(&p);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bri_pending_fini(&p);
	assert_int_equal(p.n, 0);
	return 0;
}

static int say(uint32_t uid, uint64_t cookie, uint32_t token, enum bri_service service, bool claim)
{
	const struct bri_pending_wish wish = {
		.uid = uid,
		.cookie = cookie,
		.token = token,
		.claimed = claim,
		.wish = { .service = service },
	};

	return bri_pending_add(&p, &wish, NOW);
}

/* The service that is taken; -1: none. */
static int take_at(uint32_t token, uint64_t cookie, uint32_t uid, uint64_t now_ns)
{
	struct bri_pending_wish got;

	return bri_pending_take(&p, token, cookie, uid, now_ns, &got) ? (int)got.wish.service : -1;
}

static int take(uint32_t token, uint64_t cookie, uint32_t uid)
{
	return take_at(token, cookie, uid, NOW);
}

static void by_cookie_and_by_token(void **state)
{
	(void)state;
	assert_int_equal(say(USER, 77, 0, BRI_SERVICE_INTERACTIVE, false), 0);
	assert_int_equal(say(USER, 0, 5, BRI_SERVICE_AGGREGATE, false), 0);
	/* a token that is another's cookie, and the other way round */
	assert_int_equal(take(77, 5, USER), -1);
	assert_int_equal(take(6, 78, USER), -1);
	/* both are of this one: in the order in which they were said; each once */
	assert_int_equal(take(5, 77, USER), BRI_SERVICE_INTERACTIVE);
	assert_int_equal(take(5, 77, USER), BRI_SERVICE_AGGREGATE);
	assert_int_equal(take(5, 77, USER), -1);
}

static void others_do_not_count(void **state)
{
	(void)state;
	/* whoever is first does not keep the owner from it */
	assert_int_equal(say(USER + 1, 77, 0, BRI_SERVICE_AGGREGATE, false), 0);
	assert_int_equal(say(USER, 77, 0, BRI_SERVICE_HANDOVER, false), 0);
	assert_int_equal(take(5, 77, USER), BRI_SERVICE_HANDOVER);
	assert_int_equal(take(5, 77, USER), -1);
	assert_int_equal(take(5, 77, 0), -1); /* nor does a user's word reach root's */
	assert_int_equal(say(0, 77, 0, BRI_SERVICE_INTERACTIVE, false), 0);
	assert_int_equal(take(5, 77, USER), BRI_SERVICE_INTERACTIVE);
	assert_int_equal(p.n, 1);
}

static void the_last_word_counts(void **state)
{
	(void)state;
	assert_int_equal(say(USER, 77, 0, BRI_SERVICE_AGGREGATE, false), 0);
	assert_int_equal(say(USER, 77, 0, BRI_SERVICE_NONE, false), 0);
	assert_int_equal(p.n, 1);
	assert_int_equal(take(5, 77, USER), BRI_SERVICE_NONE);
}

static void they_expire(void **state)
{
	(void)state;
	assert_int_equal(say(USER, 77, 0, BRI_SERVICE_AGGREGATE, false), 0);
	assert_int_equal(say(USER, 0, 5, BRI_SERVICE_HANDOVER, false), 0);
	assert_int_equal(
		take_at(0, 77, USER, NOW + BRI_PENDING_SOCKET_NS - 1), BRI_SERVICE_AGGREGATE);
	assert_int_equal(say(USER, 77, 0, BRI_SERVICE_AGGREGATE, false), 0);
	assert_int_equal(take_at(0, 77, USER, NOW + BRI_PENDING_SOCKET_NS), -1);
	assert_int_equal(p.n, 1);
	assert_int_equal(take_at(5, 0, USER, NOW + BRI_PENDING_CONNECT_NS), -1);
	assert_int_equal(p.n, 0);
}

static void claims_end(void **state)
{
	struct bri_pending_wish got;

	(void)state;
	assert_int_equal(say(USER, 0, 5, BRI_SERVICE_HANDOVER, true), 0);
	assert_int_equal(say(USER, 0, 5, BRI_SERVICE_AGGREGATE, false), 0);
	assert_int_equal(say(USER, 0, 6, BRI_SERVICE_HANDOVER, true), 0);
	bri_pending_release(&p, 5);
	assert_int_equal(take(5, 1, USER), BRI_SERVICE_AGGREGATE);
	assert_int_equal(take(5, 1, USER), -1);
	assert_true(bri_pending_take(&p, 6, 1, USER, NOW, &got));
	assert_true(got.claimed);
}

static void a_user_has_a_share(void **state)
{
	(void)state;
	assert_int_equal(say(USER, 0, 5, BRI_SERVICE_HANDOVER, true), 0);
	for (uint64_t i = 2; i <= BRI_PENDING_PER_USER_MAX; i++)
		assert_int_equal(say(USER, i, 0, BRI_SERVICE_AGGREGATE, false), 0);
	assert_int_equal(p.n, BRI_PENDING_PER_USER_MAX);
	/* the oldest goes, a claim stays */
	assert_int_equal(say(USER, 1000, 0, BRI_SERVICE_AGGREGATE, false), 0);
	assert_int_equal(p.n, BRI_PENDING_PER_USER_MAX);
	assert_int_equal(take(1, 2, USER), -1);
	assert_int_equal(take(1, 3, USER), BRI_SERVICE_AGGREGATE);
	assert_int_equal(take(5, 1, USER), BRI_SERVICE_HANDOVER);
}

static void all_are_claims(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= BRI_PENDING_PER_USER_MAX; i++)
		assert_int_equal(say(USER, 0, i, BRI_SERVICE_HANDOVER, true), 0);
	assert_int_equal(say(USER, 1, 0, BRI_SERVICE_AGGREGATE, false), -EDQUOT);
	assert_int_equal(say(USER, 0, 1, BRI_SERVICE_AGGREGATE, true), 0); /* again: no more */
	assert_int_equal(say(USER + 1, 1, 0, BRI_SERVICE_AGGREGATE, false), 0);
}

static void it_gets_full(void **state)
{
	const struct bri_pending_wish late = { .uid = 1, .cookie = 1 };

	(void)state;
	for (uint32_t i = 0; i < BRI_PENDING_MAX; i++)
		assert_int_equal(say(USER + i / BRI_PENDING_PER_USER_MAX, i + 1, 0,
					 BRI_SERVICE_HANDOVER, false),
			0);
	assert_int_equal(say(1, 1, 0, BRI_SERVICE_HANDOVER, false), -EUSERS);
	/* who has some may still say something: it costs an older word of the same user */
	assert_int_equal(say(USER, 5000, 0, BRI_SERVICE_HANDOVER, false), 0);
	/* what expired makes room */
	assert_int_equal(bri_pending_add(&p, &late, NOW + BRI_PENDING_SOCKET_NS), 0);
	assert_int_equal(p.n, 1);
}

#define pending_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		pending_test(by_cookie_and_by_token),
		pending_test(others_do_not_count),
		pending_test(the_last_word_counts),
		pending_test(they_expire),
		pending_test(claims_end),
		pending_test(a_user_has_a_share),
		pending_test(all_are_claims),
		pending_test(it_gets_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
