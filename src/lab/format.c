/* Changes in the words of scenarios, for people to read. */
#include "lab/scenario.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

static void add(char *text, size_t size, const char *fmt, ...) BRI_PRINTF(3, 4);

static void add(char *text, size_t size, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + len, size - len, fmt, ap);
	va_end(ap);
}

static void add_time(char *text, size_t size, const char *name, uint64_t ns)
{
	if (ns % BRI_NS_PER_MS == 0)
		add(text, size, " %s %" PRIu64 "ms", name, ns / BRI_NS_PER_MS);
	else
		add(text, size, " %s %" PRIu64 "us", name, ns / BRI_NS_PER_US);
}

static void add_rate(char *text, size_t size, uint64_t bps)
{
	if (bps % 1000000 == 0)
		add(text, size, " rate %" PRIu64 "mbit", bps / 1000000);
	else
		add(text, size, " rate %" PRIu64 "bit", bps);
}

/* 2500 as 0.25%: no more digits than it has. */
static void add_loss(char *text, size_t size, uint32_t ppm)
{
	unsigned part = ppm % 10000;
	int digits = 4;

	for (; part && part % 10 == 0; digits--)
		part /= 10;
	if (part)
		add(text, size, " loss %u.%0*u%%", ppm / 10000, digits, part);
	else
		add(text, size, " loss %u%%", ppm / 10000);
}

const char *bri_scenario_mptcp_word(enum bri_lab_mptcp mode)
{
	static const char *const words[] = { [BRI_LAB_MPTCP_PASS] = "pass",
		[BRI_LAB_MPTCP_STRIP] = "strip",
		[BRI_LAB_MPTCP_STRIP_DATA] = "strip-data",
		[BRI_LAB_MPTCP_DROP_SYN] = "drop-syn" };

	return words[mode];
}

void bri_scenario_format(const struct bri_lab_change *change, char *text, size_t size)
{
	static const char *const states[] = { " up", " down", " silent" };
	const struct bri_lab_link *link = &change->link;

	text[0] = 0;
	if (change->directions == 1u << BRI_LAB_TO_SERVER)
		add(text, size, " to-server");
	if (change->directions == 1u << BRI_LAB_TO_CLIENT)
		add(text, size, " to-client");
	if (change->set & BRI_LAB_SET_STATE)
		add(text, size, "%s", states[change->state]);
	if (change->set & BRI_LAB_SET_ADDRESS)
		add(text, size, "%s", change->address ? " addaddr" : " deladdr");
	if (change->set & BRI_LAB_SET_DELAY)
		add_time(text, size, "delay", link->delay_ns);
	if (change->set & BRI_LAB_SET_JITTER)
		add_time(text, size, "jitter", link->jitter_ns);
	if (change->set & BRI_LAB_SET_RATE)
		add_rate(text, size, link->rate_bps);
	if (change->set & BRI_LAB_SET_LOSS)
		add_loss(text, size, link->loss_ppm);
	if (change->set & BRI_LAB_SET_QUEUE)
		add(text, size, " queue %" PRIu64, link->queue_bytes);
	if (change->set & BRI_LAB_SET_MPTCP)
		add(text, size, " mptcp %s", bri_scenario_mptcp_word(link->mptcp));
	if (text[0] == ' ')
		memmove(text, text + 1, strlen(text));
}
