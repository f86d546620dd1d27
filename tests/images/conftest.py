import sys
from pathlib import Path

# The writers of test pictures lie beside the tests; the fuzzer uses them too.
sys.path.insert(0, str(Path(__file__).parent))
