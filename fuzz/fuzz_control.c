/* A control message from anywhere: refused, or it encodes to the very bytes it was decoded from. */
#include <stdlib.h>
#include <string.h>

#include "control/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1), *again = malloc(size ? size : 1);
	struct bri_message message;

	/* exactly this size, so that reading or writing past it is noticed */
	if (bytes && again) {
		if (size > 0)
			memcpy(bytes, data, size);
		if (bri_message_decode(bytes, size, &message) == 0 &&
			(bri_message_encode(&message, again, size) != (int)size ||
				memcmp(bytes, again, size) != 0))
			abort();
	}
	free(bytes);
	free(again);
	return 0;
}
