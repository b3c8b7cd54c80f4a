/* The errSSL numbers. The functions of Secure Transport (SSL...) are not here. */
#ifndef BRAID_SECURITY_SECURETRANSPORT_H
#define BRAID_SECURITY_SECURETRANSPORT_H

#include <CoreFoundation/CFBase.h>

CF_EXTERN_C_BEGIN

/*
 * What errors of the tls domain carry. Those that begin with errSSLPeer come from alerts of the
 * peer; errSSLPeerCertRevoked is also what the library itself says of a revoked certificate.
 */
enum {
	errSSLProtocol = -9800,                     /* protocol error */
	errSSLNegotiation = -9801,                  /* no cipher suite in common */
	errSSLFatalAlert = -9802,                   /* fatal alert */
	errSSLWouldBlock = -9803,                   /* would block */
	errSSLSessionNotFound = -9804,              /* no such session */
	errSSLClosedGraceful = -9805,               /* closed, as it should be */
	errSSLClosedAbort = -9806,                  /* closed by an error */
	errSSLXCertChainInvalid = -9807,            /* the certificate chain is not valid */
	errSSLBadCert = -9808,                      /* bad certificate */
	errSSLCrypto = -9809,                       /* cryptographic failure */
	errSSLInternal = -9810,                     /* internal error */
	errSSLModuleAttach = -9811,                 /* a module cannot be loaded */
	errSSLUnknownRootCert = -9812,              /* the root of the chain is not trusted */
	errSSLNoRootCert = -9813,                   /* the chain does not come to a root */
	errSSLCertExpired = -9814,                  /* a certificate has expired */
	errSSLCertNotYetValid = -9815,              /* a certificate is not valid yet */
	errSSLClosedNoNotify = -9816,               /* closed without a notice: maybe truncated */
	errSSLBufferOverflow = -9817,               /* buffer too small */
	errSSLBadCipherSuite = -9818,               /* bad cipher suite */
	errSSLPeerUnexpectedMsg = -9819,            /* peer: unexpected message */
	errSSLPeerBadRecordMac = -9820,             /* peer: bad record MAC */
	errSSLPeerDecryptionFail = -9821,           /* peer: decryption failed */
	errSSLPeerRecordOverflow = -9822,           /* peer: record overflow */
	errSSLPeerDecompressFail = -9823,           /* peer: decompression failed */
	errSSLPeerHandshakeFail = -9824,            /* peer: handshake failure */
	errSSLPeerBadCert = -9825,                  /* peer: bad certificate */
	errSSLPeerUnsupportedCert = -9826,          /* peer: unsupported certificate */
	errSSLPeerCertRevoked = -9827,              /* a certificate is revoked */
	errSSLPeerCertExpired = -9828,              /* peer: certificate expired */
	errSSLPeerCertUnknown = -9829,              /* peer: certificate unknown */
	errSSLIllegalParam = -9830,                 /* illegal parameter */
	errSSLPeerUnknownCA = -9831,                /* peer: unknown authority */
	errSSLPeerAccessDenied = -9832,             /* peer: access denied */
	errSSLPeerDecodeError = -9833,              /* peer: decode error */
	errSSLPeerDecryptError = -9834,             /* peer: decrypt error */
	errSSLPeerExportRestriction = -9835,        /* peer: export restriction */
	errSSLPeerProtocolVersion = -9836,          /* peer: protocol version */
	errSSLPeerInsufficientSecurity = -9837,     /* peer: insufficient security */
	errSSLPeerInternalError = -9838,            /* peer: internal error */
	errSSLPeerUserCancelled = -9839,            /* peer: cancelled by the user */
	errSSLPeerNoRenegotiation = -9840,          /* peer: no renegotiation */
	errSSLPeerAuthCompleted = -9841,            /* peer authentication is done */
	errSSLClientCertRequested = -9842,          /* a client certificate is asked for */
	errSSLHostNameMismatch = -9843,             /* the certificate is for another name */
	errSSLConnectionRefused = -9844,            /* connection refused before a handshake */
	errSSLDecryptionFail = -9845,               /* decryption failed */
	errSSLBadRecordMac = -9846,                 /* bad record MAC */
	errSSLRecordOverflow = -9847,               /* record overflow */
	errSSLBadConfiguration = -9848,             /* bad configuration */
	errSSLUnexpectedRecord = -9849,             /* unexpected record */
	errSSLWeakPeerEphemeralDHKey = -9850,       /* the peer's Diffie-Hellman key is weak */
	errSSLClientHelloReceived = -9851,          /* ClientHello received */
	errSSLTransportReset = -9852,               /* transport reset */
	errSSLNetworkTimeout = -9853,               /* network timeout */
	errSSLConfigurationFailed = -9854,          /* configuration failed */
	errSSLUnsupportedExtension = -9855,         /* unsupported extension */
	errSSLUnexpectedMessage = -9856,            /* unexpected message */
	errSSLDecompressFail = -9857,               /* decompression failed */
	errSSLHandshakeFail = -9858,                /* handshake failed */
	errSSLDecodeError = -9859,                  /* decode error */
	errSSLInappropriateFallback = -9860,        /* inappropriate fallback */
	errSSLMissingExtension = -9861,             /* missing extension */
	errSSLBadCertificateStatusResponse = -9862, /* bad OCSP response */
	errSSLCertificateRequired = -9863,          /* certificate required */
	errSSLUnknownPSKIdentity = -9864,           /* unknown PSK identity */
	errSSLUnrecognizedName = -9865,             /* unrecognized name */
};

CF_EXTERN_C_END

#endif
