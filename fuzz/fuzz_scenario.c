/* Scenario text from anywhere: refused with one line, or a configuration that passes the check. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "lab/check.h"
#include "lab/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bri_scenario *scenario = NULL;
	char why[200] = "", text[200];
	int r = bri_scenario_parse((const char *)data, size, why, sizeof(why), &scenario);

	if (r < 0) {
		if (!why[0] || strchr(why, '\n') || scenario)
			abort();
		return 0;
	}
	if (bri_lab_check_config(&scenario->config, why, sizeof(why)) < 0)
		abort();
	for (uint32_t i = 0; i < scenario->config.n_events; i++) {
		struct bri_lab_change again[BRI_SCENARIO_MAX_CHANGES];
		const struct bri_lab_change *change = &scenario->events[i].change;

		/* what is printed can be read again */
		bri_scenario_format(change, text, sizeof(text));
		if (bri_scenario_parse_changes(text, why, sizeof(why), again) != 1 ||
			again[0].set != change->set)
			abort();
	}
	free(scenario);
	return 0;
}
